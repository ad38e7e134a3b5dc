import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Compression, envelopeDecompress, type Serialization } from "@connectrpc/connect/protocol";
import { EnvelopeReader } from "../platform/index.js";
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
    const reader = new EnvelopeReader(limitBytes);
    for await (const chunk of body) {
      for (const { flags, data: bytes } of reader.read(chunk)) {
        if ((flags & endFlag) !== 0) continue;
        if (message !== undefined) throw wrongCount("more than one message");
        const { data } = await envelopeDecompress(
          { flags, data: new Uint8Array(bytes) },
          compression,
          limitBytes,
        );
        message = serialization.parse(data);
      }
    }
    if (reader.isIncomplete)
      throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
    if (message === undefined) throw wrongCount("no message");
    return message;
  } catch (error) {
    throw requestError(error, limitBytes);
  }
}

function wrongCount(what: string): ConnectError {
  return rpcError(
    Code.InvalidArgument,
    "MALFORMED_REQUEST",
    `This method takes one message; the request has ${what}.`,
  );
}
