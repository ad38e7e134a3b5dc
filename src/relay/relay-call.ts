import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import { toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { requestHeader, validateResponse, validateTrailer } from "@connectrpc/connect/protocol-grpc";
import {
  RelayService,
  type StreamDeltasRequest,
  StreamDeltasRequestSchema,
  type StreamDeltasResponse,
} from "../gen/palaver/relay/v1/relay_service_pb.js";
import { EnvelopeReader } from "../platform/index.js";
import type { PeerSessions } from "./peer-sessions.js";
import { readResponse } from "./relay-bytes.js";

/** Of a message: a peer relays less than this, but for a part that stands alone. */
const maxMessageBytes = 64 * 1024 * 1024;

const { streamDeltas } = RelayService.method;
const path = `/${streamDeltas.parent.typeName}/${streamDeltas.name}`;

/**
 * A call of `StreamDeltas`, over gRPC: each response is handed on in the very turn of the event loop in which its bytes come, where Connect's
 * client passes it through a chain of async iterables. Nobody is handed anything once the call is over.
 *
 * Resolves when the peer ends the stream. Rejects with a ConnectError when it does so with a failure, when the stream breaks, or when there is no
 * connection; with the signal's reason, when that aborts; with what `received` throws.
 */
export function callPeer(
  sessions: Pick<PeerSessions, "post">,
  request: StreamDeltasRequest,
  options: {
    readonly token: string;
    readonly signal: AbortSignal;
    readonly received: (response: StreamDeltasResponse) => void;
  },
): Promise<void> {
  const { token, signal, received } = options;
  return new Promise((resolve, reject) => {
    let stream: ClientHttp2Stream | undefined;
    let isOver = false;
    const settle = (outcome: () => void): void => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener("abort", leave);
      outcome();
    };
    const fail = (error: unknown): void =>
      settle(() => {
        // The peer need not go on.
        stream?.close(constants.NGHTTP2_CANCEL);
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    const leave = (): void => fail(signal.reason);
    /** What does not make sense ends the call. */
    const reading =
      <T>(read: (input: T) => void) =>
      (input: T): void => {
        if (isOver) return;
        try {
          read(input);
        } catch (error) {
          fail(ConnectError.from(error, Code.Internal));
        }
      };
    const begin = (opened: ClientHttp2Stream): void => {
      stream = opened;
      stream.on("error", (error: Error) => fail(brokenBy(error)));
      if (isOver) return stream.close(constants.NGHTTP2_CANCEL);
      const response = new ResponseReader((message) => {
        if (isOver) return;
        try {
          received(message);
        } catch (error) {
          fail(error);
        }
      });
      stream.on(
        "response",
        reading((header) => response.begin(header)),
      );
      stream.on(
        "data",
        reading((chunk: Uint8Array) => response.read(chunk)),
      );
      stream.on(
        "trailers",
        reading((trailer: IncomingHttpHeaders) => response.noteTrailer(trailer)),
      );
      stream.on(
        "end",
        reading(() => {
          response.end();
          settle(resolve);
        }),
      );
      stream.on("close", () => fail(wasCut(opened.rstCode)));
      stream.end(body);
    };
    const header = requestHeader(true, undefined, { authorization: `Bearer ${token}` });
    const body = encodeEnvelope(0, toBinary(StreamDeltasRequestSchema, request));
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
    sessions.post(path, Object.fromEntries(header)).then(begin).catch(fail);
  });
}

/** The parts of a response in their order. What breaks the protocol throws, and so does the failure that the peer tells. */
class ResponseReader {
  readonly #envelopes = new EnvelopeReader(maxMessageBytes);
  readonly #received: (response: StreamDeltasResponse) => void;
  #header = new Headers();
  #trailer = new Headers();

  constructor(received: (response: StreamDeltasResponse) => void) {
    this.#received = received;
  }

  begin(header: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    this.#header = headersOf(header);
    const { headerError } = validateResponse(header[":status"] ?? 0, this.#header);
    if (headerError !== undefined) throw headerError;
  }

  read(chunk: Uint8Array): void {
    for (const { flags, data } of this.#envelopes.read(chunk)) {
      // Compression was not offered.
      if (flags !== 0) throw new ConnectError(`an envelope with flags ${flags}`, Code.Internal);
      this.#received(readResponse(data));
    }
  }

  noteTrailer(trailer: IncomingHttpHeaders): void {
    this.#trailer = headersOf(trailer);
  }

  end(): void {
    const hasStatus = this.#header.has("grpc-status") || this.#trailer.has("grpc-status");
    if (!hasStatus || this.#envelopes.isIncomplete) throw wasCut(constants.NGHTTP2_NO_ERROR);
    validateTrailer(this.#trailer, this.#header);
  }
}

function headersOf(incoming: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming))
    if (!name.startsWith(":") && value !== undefined) headers.set(name, String(value));
  return headers;
}

function brokenBy(error: Error): ConnectError {
  return error instanceof ConnectError ? error : unavailable(error.message, error);
}

function wasCut(code: number | undefined): ConnectError {
  const isReset = code !== constants.NGHTTP2_NO_ERROR && code !== constants.NGHTTP2_CANCEL;
  return unavailable(
    isReset ? `the peer ended the call with HTTP/2 code ${code}` : "the peer cut the connection",
  );
}

function unavailable(what: string, cause?: Error): ConnectError {
  return new ConnectError(what, Code.Unavailable, undefined, undefined, cause);
}
