import { Code, ConnectError } from "@connectrpc/connect";

/** Why a relay did not come about, or ended. */
export interface DialFailure {
  /** Asking the same replica again would give the same answer (RELAY-12). */
  readonly refused: boolean;
  readonly error: unknown;
}

const refusals: ReadonlySet<Code> = new Set([
  Code.Unauthenticated,
  Code.PermissionDenied,
  // Something else listens there, or a replica from before there were relays.
  Code.Unimplemented,
  Code.InvalidArgument,
]);

export function dialFailure(error: unknown): DialFailure {
  return { refused: error instanceof ConnectError && refusals.has(error.code), error };
}
