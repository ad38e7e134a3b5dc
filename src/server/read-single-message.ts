import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type Compression,
  type EnvelopedMessage,
  envelopeDecompress,
  type Serialization,
} from "@connectrpc/connect/protocol";
import { requestError } from "./request-error.js";
import { rpcError } from "./rpc-error.js";

/**
 * The message of a request that holds exactly one, in an envelope. What is wrong with it is the caller's fault. A message that says itself
 * that it is too large is not read.
 */
export async function readSingleMessage(
  body: AsyncIterable<Uint8Array>,
  options: {
    /** One message, compressed or not. */
    readonly limitBytes: number;
    readonly compression: Compression | null;
    readonly serialization: Pick<Serialization<Message>, "parse">;
    /** Marks envelopes that hold no message. */
    readonly endFlag: number;
  },
): Promise<Message> {
  const { limitBytes, compression, serialization, endFlag } = options;
  try {
    let message: Message | undefined;
    for await (const envelope of readEnvelopes(body, limitBytes)) {
      if ((envelope.flags & endFlag) !== 0) continue;
      if (message !== undefined) throw wrongCount("more than one message");
      const { data } = await envelopeDecompress(envelope, compression, limitBytes);
      message = serialization.parse(data);
    }
    if (message === undefined) throw wrongCount("no message");
    return message;
  } catch (error) {
    throw requestError(error, limitBytes);
  }
}

const prefixLength = 5;

async function* readEnvelopes(
  body: AsyncIterable<Uint8Array>,
  limitBytes: number,
): AsyncGenerator<EnvelopedMessage> {
  let chunks: Uint8Array[] = [];
  let size = 0;
  let wanted = prefixLength;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size < wanted) continue;
    // Put together only when there is enough: a large message comes in many chunks.
    let bytes = Buffer.concat(chunks, size);
    while (bytes.length >= prefixLength) {
      const length = bytes.readUInt32BE(1);
      if (length > limitBytes)
        throw new ConnectError(`larger than ${limitBytes} bytes`, Code.ResourceExhausted);
      wanted = prefixLength + length;
      if (bytes.length < wanted) break;
      yield { flags: bytes.readUInt8(0), data: new Uint8Array(bytes.subarray(prefixLength, wanted)) };
      bytes = bytes.subarray(wanted);
      wanted = prefixLength;
    }
    chunks = [bytes];
    size = bytes.length;
  }
  if (size > 0) throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
}

function wrongCount(what: string): ConnectError {
  return rpcError(
    Code.InvalidArgument,
    "MALFORMED_REQUEST",
    `This method takes one message; the request has ${what}.`,
  );
}
