import { Code, type ConnectError, type ContextKey } from "@connectrpc/connect";
import type { Logger } from "../platform/index.js";
import type { Credential } from "./authenticate.js";
import { reasonOf } from "./rpc-error.js";
import type { Wire } from "./wire.js";

/** What the server remembers of one call, from its HTTP request to its end. */
export interface Call {
  /** `package.Service/Method`. */
  readonly method: string;
  readonly wire: Wire;
  readonly startedMs: number;
  /** Aborts when the call is over, and ends it when it aborts before. */
  readonly controller: AbortController;
  /** Undefined until it is known, and for methods that need none. */
  credential: Credential | undefined;
  /** Whether it came as far as a handler. */
  handled: boolean;
  /** Whether the request was read and understood: what goes wrong before is the caller's fault, later it is ours. */
  understood: boolean;
  /** The error that was sent, if any. */
  failed: { readonly code: string; readonly reason: string | undefined } | undefined;
}

/** The call to which an RPC belongs, in the context values of every RPC of this server. */
export const callKey: ContextKey<Call> = {
  id: Symbol("palaver.call"),
  get defaultValue(): Call {
    throw new Error("this RPC was not started by the server's request handler");
  },
};

/** Notes the error for the log, and hands it back. */
export function noteFailure(call: Call, error: ConnectError): ConnectError {
  call.failed = { code: Code[error.code], reason: reasonOf(error) };
  return error;
}

/** The code that a call ended with; whoever leaves before the answer was `sent` has cancelled it. */
export function codeOf({ failed }: Pick<Call, "failed">, sent: boolean): string {
  return failed?.code ?? (sent ? "OK" : "Canceled");
}

/** One line per call when it is over: no content, no token. Failures of our own are logged where they are mapped. */
export function logCall(
  logger: Logger,
  { method, wire, credential, failed }: Call,
  { durationMs, sent }: { durationMs: number; sent: boolean },
): void {
  const fields = {
    method: method.slice(0, 128),
    wire,
    code: codeOf({ failed }, sent),
    reason: failed?.reason,
    duration_ms: Math.round(durationMs),
    token_id: credential?.caller.tokenId,
  };
  if (failed === undefined) logger.debug(fields, "call");
  else logger.info(fields, "call refused or failed");
}
