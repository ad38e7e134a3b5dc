import { Code, ConnectError } from "@connectrpc/connect";
import { EnvelopeTooLarge } from "../platform/index.js";
import { abortToRpcError, reasonOf, rpcError } from "./rpc-error.js";

/** What is wrong with a request that could not be read or understood, from the error that Connect raised over it. */
export function requestError(error: unknown, limitBytes: number): ConnectError {
  if (error instanceof EnvelopeTooLarge) return tooLarge(error, limitBytes);
  if (!(error instanceof ConnectError)) return abortToRpcError(error);
  if (reasonOf(error) !== undefined) return error;
  switch (error.code) {
    case Code.ResourceExhausted:
      return tooLarge(error, limitBytes);
    case Code.Canceled:
    case Code.Aborted:
    case Code.DeadlineExceeded:
      return abortToRpcError(error);
    // Texts that tell the caller what to change.
    case Code.InvalidArgument:
    case Code.Unimplemented:
      return rpcError(Code.InvalidArgument, "MALFORMED_REQUEST", error.rawMessage, { cause: error });
    default:
      return rpcError(Code.InvalidArgument, "MALFORMED_REQUEST", "The request's message cannot be decoded.", {
        cause: error,
      });
  }
}

function tooLarge(cause: Error, limitBytes: number): ConnectError {
  return rpcError(
    Code.ResourceExhausted,
    "MESSAGE_TOO_LARGE",
    `The message is larger than the limit of ${limitBytes} bytes.`,
    { metadata: { limit_bytes: String(limitBytes) }, cause },
  );
}
