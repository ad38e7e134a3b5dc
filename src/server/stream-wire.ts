import type { ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import * as connect from "@connectrpc/connect/protocol-connect";
import * as grpc from "@connectrpc/connect/protocol-grpc";
import * as grpcWeb from "@connectrpc/connect/protocol-grpc-web";
import { acceptCompressionHeaders, compressionHeaders, setGrpcStatus, type Wire } from "./wire.js";

/** How a stream is written: its messages are in the same envelopes everywhere. */
export interface StreamWire {
  readonly protocolName: string;
  /** Whether a content type stands for binary messages or for JSON; undefined: it is none of this wire. */
  readonly isBinary: (contentType: string | null) => boolean | undefined;
  readonly binaryType: string;
  readonly jsonType: string;
  readonly compressionHeader: string;
  readonly acceptCompressionHeader: string;
  readonly timeoutMs: (header: Headers, maxTimeoutMs: number) => number | undefined;
  /** Marks an envelope that holds no message but the end; 0: there is none. */
  readonly endFlag: number;
  /** The end stands in the HTTP trailers alone. */
  readonly endsInTrailers: boolean;
  /** Tells the end, with the trailers of the implementation: in the envelope that is returned, or in `trailer`. */
  readonly end: (error: ConnectError | undefined, trailer: Headers) => Uint8Array | undefined;
}

const endStream = connect.createEndStreamSerialization(undefined);

/** The wires of streams; unary calls of Connect have one of their own. */
export const streamWires: Readonly<Record<Exclude<Wire, "connect">, StreamWire>> = {
  "connect-stream": {
    protocolName: "connect",
    isBinary: (contentType) => {
      const type = connect.parseContentType(contentType);
      return type?.stream === true ? type.binary : undefined;
    },
    binaryType: connect.contentTypeStreamProto,
    jsonType: connect.contentTypeStreamJson,
    compressionHeader: compressionHeaders["connect-stream"],
    acceptCompressionHeader: acceptCompressionHeaders["connect-stream"],
    timeoutMs: (header, max) => connect.parseTimeout(header.get("connect-timeout-ms"), max).timeoutMs,
    endFlag: connect.endStreamFlag,
    endsInTrailers: false,
    end: (error, trailer) =>
      encodeEnvelope(
        connect.endStreamFlag,
        endStream.serialize({ metadata: trailer, ...(error && { error }) }),
      ),
  },
  grpc: {
    protocolName: "grpc",
    isBinary: (contentType) => grpc.parseContentType(contentType)?.binary,
    binaryType: grpc.contentTypeProto,
    jsonType: grpc.contentTypeJson,
    compressionHeader: compressionHeaders.grpc,
    acceptCompressionHeader: acceptCompressionHeaders.grpc,
    timeoutMs: grpcTimeoutMs,
    endFlag: 0,
    endsInTrailers: true,
    end: (error, trailer) => {
      setEnd(error, trailer);
      return undefined;
    },
  },
  "grpc-web": {
    protocolName: "grpc-web",
    isBinary: (contentType) => grpcWeb.parseContentType(contentType)?.binary,
    binaryType: grpcWeb.contentTypeProto,
    jsonType: grpcWeb.contentTypeJson,
    compressionHeader: compressionHeaders["grpc-web"],
    acceptCompressionHeader: acceptCompressionHeaders["grpc-web"],
    timeoutMs: grpcTimeoutMs,
    endFlag: grpcWeb.trailerFlag,
    endsInTrailers: false,
    end: (error, trailer) => {
      setEnd(error, trailer);
      return encodeEnvelope(grpcWeb.trailerFlag, grpcWeb.trailerSerialize(trailer));
    },
  },
};

function grpcTimeoutMs(header: Headers, maxTimeoutMs: number): number | undefined {
  return grpc.parseTimeout(header.get("grpc-timeout"), maxTimeoutMs).timeoutMs;
}

function setEnd(error: ConnectError | undefined, trailer: Headers): void {
  if (error === undefined) trailer.set("grpc-status", grpc.grpcStatusOk);
  else setGrpcStatus(trailer, error);
}
