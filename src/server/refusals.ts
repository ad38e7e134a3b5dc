import { Code, type ConnectError } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol";
import { type ErrorContext, internalError, rpcError } from "./rpc-error.js";
import { acceptCompressionHeaders, requestCompression, timeoutFault, type Wire } from "./wire.js";

/** There is no such method here, and perhaps no such service. */
export function unknownMethod(path: string): ConnectError {
  const method = path.slice(1);
  return rpcError(Code.Unimplemented, "UNKNOWN_METHOD", "This server has no such method.", {
    metadata: { method: method.slice(0, 128) },
  });
}

/** What Connect's handler refuses by HTTP status alone: the request is no call of this method on any of its wires. */
export function protocolMismatch(
  httpStatus: number,
  { method, allowedMethods }: UniversalHandler,
): ConnectError {
  switch (httpStatus) {
    case 405:
      return rpcError(
        Code.Unimplemented,
        "HTTP_METHOD_NOT_ALLOWED",
        `This method is called with ${allowedMethods.join(" or ")}.`,
        { header: { allow: allowedMethods.join(", ") } },
      );
    case 415:
      return rpcError(
        Code.InvalidArgument,
        "UNSUPPORTED_CONTENT_TYPE",
        method.methodKind === "unary"
          ? "Unary methods are called with application/json, application/proto, application/grpc or application/grpc-web."
          : "Streams are called with application/connect+json, application/connect+proto, application/grpc or application/grpc-web.",
      );
    case 505:
      return rpcError(
        Code.Unimplemented,
        "HTTP2_REQUIRED",
        "This method streams both ways, which takes HTTP/2.",
        {
          header: { connection: "close" },
        },
      );
    default:
      return rpcError(Code.InvalidArgument, "MALFORMED_REQUEST", "The request is no call of this method.");
  }
}

/** What is wrong with the headers of a call, before its message is looked at. */
export function headerFault(
  wire: Wire,
  request: UniversalServerRequest,
  { compressions, maxTimeoutMs }: { compressions: readonly string[]; maxTimeoutMs: number },
): ConnectError | undefined {
  const compression = requestCompression(wire, request);
  if (compression !== undefined && !compressions.includes(compression)) {
    const supported = compressions.join(",");
    return rpcError(
      Code.Unimplemented,
      "UNSUPPORTED_COMPRESSION",
      `Messages may be compressed with ${supported} or not at all.`,
      { header: { [acceptCompressionHeaders[wire]]: supported } },
    );
  }
  const fault = timeoutFault(wire, request.header, maxTimeoutMs);
  return fault === undefined ? undefined : rpcError(Code.InvalidArgument, "MALFORMED_REQUEST", fault);
}

/** Why an answer that the implementation gave cannot be sent. */
export function unsendable(
  error: ConnectError,
  context: ErrorContext & { maxResponseBytes: number },
): ConnectError {
  if (error.code !== Code.ResourceExhausted) return internalError(error, context);
  const { maxResponseBytes } = context;
  return rpcError(
    Code.ResourceExhausted,
    "RESPONSE_TOO_LARGE",
    `The answer is larger than the limit of ${maxResponseBytes} bytes. Ask for less at a time.`,
    { metadata: { limit_bytes: String(maxResponseBytes) }, cause: error },
  );
}
