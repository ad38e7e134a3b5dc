import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";

/** The stable reason that a Palaver server gave, for example CHAT_BUSY; undefined for failures on the way there. */
export function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  return error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "palaver.dev")?.reason;
}

/** The same request gets the same answer. */
const finalCodes: readonly Code[] = [
  Code.InvalidArgument,
  Code.NotFound,
  Code.AlreadyExists,
  Code.PermissionDenied,
  Code.Unauthenticated,
  Code.FailedPrecondition,
  Code.OutOfRange,
  Code.Unimplemented,
];

/** As above, although the code alone would not say so. */
const finalReasons: readonly string[] = ["RESPONSE_TOO_LARGE", "MESSAGE_TOO_LARGE"];

/**
 * Whether the server has *ended* a subscription for good: the chat does not exist (any more), the credential is not accepted, the
 * request cannot be understood. Everything else *cut* it: the network, a server that goes away or is overloaded, a reader that was too slow.
 * After a cut another subscription goes on.
 */
export function isFinal(error: ConnectError): boolean {
  return finalCodes.includes(error.code) || finalReasons.includes(reasonOf(error) ?? "");
}

/**
 * Whether a call that carries an idempotency key may be sent again: it was not answered, or the server is not available at the moment. What
 * a server refuses with a reason stays refused.
 */
export function mayRepeat(error: ConnectError): boolean {
  if (error.code === Code.Unavailable || error.code === Code.DeadlineExceeded) return true;
  return reasonOf(error) === undefined && !isFinal(error);
}
