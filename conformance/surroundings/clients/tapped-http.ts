import type { UniversalClientFn, UniversalClientResponse } from "@connectrpc/connect/protocol";
import type { RecordedCall, WireHeaders } from "./call.js";
import { EnvelopeReader } from "./envelope-reader.js";

/** Whether something is to be taken off the wire now. */
export interface Pausing {
  set(paused: boolean): void;
  /** Resolves while it is not paused. */
  open(): Promise<void>;
}

const trailersOfGrpcWeb = 0x80;
const endOfConnectStream = 0x02;

/** The same client, for one call: what comes is recorded as it came, and is not taken while the call is paused. */
export function tapped(
  http: UniversalClientFn,
  recorded: RecordedCall<unknown>,
  pausing: Pausing,
): UniversalClientFn {
  return async (request) => {
    const response = await http(request);
    recorded.recordHeaders({ ":status": String(response.status), ...plain(response.header) });
    // gRPC-Web may refuse in the headers alone.
    if (response.header.has("grpc-status")) recorded.recordTrailers(plain(response.header));
    const type = response.header.get("content-type") ?? "";
    const isEnveloped = type.startsWith("application/grpc-web") || type.startsWith("application/connect+");
    const body = isEnveloped
      ? tapEnvelopes(response, recorded, pausing, type.includes("json"))
      : tapWhole(response, recorded, pausing, type.includes("json"));
    return { ...response, body };
  };
}

async function* tapEnvelopes(
  response: UniversalClientResponse,
  recorded: RecordedCall<unknown>,
  pausing: Pausing,
  isJson: boolean,
): AsyncIterable<Uint8Array> {
  const reader = new EnvelopeReader();
  for await (const piece of response.body) {
    for (const { flags, bytes } of reader.read(piece)) {
      if ((flags & (trailersOfGrpcWeb | endOfConnectStream)) !== 0)
        recorded.recordTrailers(plain(response.trailer), bytes);
      else recorded.recordBytes(isJson ? "json" : "binary", bytes);
    }
    yield piece;
    await pausing.open();
  }
}

/** Connect's calls with one answer: the body is the message, or the error. */
async function* tapWhole(
  response: UniversalClientResponse,
  recorded: RecordedCall<unknown>,
  pausing: Pausing,
  isJson: boolean,
): AsyncIterable<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of response.body) {
    pieces.push(piece);
    yield piece;
    await pausing.open();
  }
  const bytes = new Uint8Array(Buffer.concat(pieces));
  if (response.status === 200) recorded.recordBytes(isJson ? "json" : "binary", bytes);
  else recorded.recordTrailers(plain(response.trailer), bytes);
}

function plain(headers: Headers): WireHeaders {
  return Object.fromEntries(headers);
}
