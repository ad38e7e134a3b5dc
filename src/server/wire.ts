import type { ConnectError } from "@connectrpc/connect";
import {
  createAsyncIterable,
  encodeEnvelope,
  type UniversalServerRequest,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  contentTypeStreamRegExp,
  createEndStreamSerialization,
  endStreamFlag,
  errorToJsonBytes,
  parseTimeout as parseConnectTimeout,
} from "@connectrpc/connect/protocol-connect";
import { parseTimeout as parseGrpcTimeout, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";

/** How a call is written on its HTTP request: Connect writes unary calls and streams differently. */
export type Wire = "connect" | "connect-stream" | "grpc" | "grpc-web";

/** The wire of a request, known or unknown the method. Whatever is no RPC at all is answered as Connect: with JSON. */
export function wireOf(header: Headers): Wire {
  const contentType = header.get("content-type") ?? "";
  if (/^application\/grpc-web\b/i.test(contentType)) return "grpc-web";
  if (/^application\/grpc\b/i.test(contentType)) return "grpc";
  if (/^application\/connect\b/i.test(contentType)) return "connect-stream";
  return "connect";
}

const endStream = createEndStreamSerialization(undefined);

/** A whole response that says nothing but `error`, for calls that no handler of Connect's answers. */
export function errorResponse(
  wire: Wire,
  requestHeader: Headers,
  error: ConnectError,
  /** For "connect", where the HTTP status may say more than the code's own does. */
  httpStatus?: number,
): UniversalServerResponse {
  const contentType = requestHeader.get("content-type") ?? "";
  switch (wire) {
    case "connect": {
      const header = new Headers(error.metadata);
      header.set("content-type", "application/json");
      return {
        status: httpStatus ?? codeToHttpStatus(error.code),
        header,
        body: createAsyncIterable([errorToJsonBytes(error, undefined)]),
      };
    }
    case "connect-stream": {
      const known = contentTypeStreamRegExp.test(contentType);
      const end = endStream.serialize({ metadata: new Headers(), error });
      return {
        status: 200,
        header: new Headers({ "content-type": known ? contentType : "application/connect+json" }),
        body: createAsyncIterable([encodeEnvelope(endStreamFlag, end)]),
      };
    }
    // Not as "Trailers-Only": Node cannot end an HTTP/2 stream with its headers' frame, and grpc-js insists on that.
    case "grpc":
      return {
        status: 200,
        header: new Headers({ "content-type": contentType }),
        trailer: setGrpcStatus(new Headers(), error),
      };
    case "grpc-web":
      return {
        status: 200,
        header: new Headers({ "content-type": contentType }),
        body: createAsyncIterable([
          encodeEnvelope(trailerFlag, trailerSerialize(setGrpcStatus(new Headers(), error))),
        ]),
      };
    default:
      return wire satisfies never;
  }
}

/** Writes an error into gRPC's trailers. */
export function setGrpcStatus(trailer: Headers, error: ConnectError): Headers {
  return tidyGrpcMessage(setTrailerStatus(trailer, error));
}

/**
 * Encodes `grpc-message` as gRPC's specification says: all but printable ASCII and "%". Connect encodes more than that, which not
 * every client undoes: grpc-js shows "%3A" for a colon.
 */
export function tidyGrpcMessage(trailer: Headers): Headers {
  const message = trailer.get("grpc-message");
  if (message !== null) {
    trailer.set(
      "grpc-message",
      decodeURIComponent(message).replace(/[^\x20-\x24\x26-\x7e]/gu, encodeURIComponent),
    );
  }
  return trailer;
}

/** The compression of the request's message; undefined for none. */
export function requestCompression(wire: Wire, request: UniversalServerRequest): string | undefined {
  const name =
    request.method === "GET"
      ? new URL(request.url).searchParams.get("compression")
      : request.header.get(compressionHeaders[wire]);
  return name === null || name === "identity" || name === "" ? undefined : name;
}

/** Where a client names the compression of its message. */
export const compressionHeaders: Readonly<Record<Wire, string>> = {
  connect: "content-encoding",
  "connect-stream": "connect-content-encoding",
  grpc: "grpc-encoding",
  "grpc-web": "grpc-encoding",
};

/** Where a server names the compressions that it reads. */
export const acceptCompressionHeaders: Readonly<Record<Wire, string>> = {
  connect: "accept-encoding",
  "connect-stream": "connect-accept-encoding",
  grpc: "grpc-accept-encoding",
  "grpc-web": "grpc-accept-encoding",
};

/** What is wrong with the request's timeout header; undefined when nothing is. */
export function timeoutFault(wire: Wire, header: Headers, maxTimeoutMs: number): string | undefined {
  const isGrpc = wire === "grpc" || wire === "grpc-web";
  const name = isGrpc ? "grpc-timeout" : "connect-timeout-ms";
  const { error, timeoutMs } = (isGrpc ? parseGrpcTimeout : parseConnectTimeout)(
    header.get(name),
    maxTimeoutMs,
  );
  if (error === undefined) return undefined;
  return timeoutMs === undefined
    ? `The header ${name} cannot be read.`
    : `The timeout is longer than ${maxTimeoutMs} ms.`;
}
