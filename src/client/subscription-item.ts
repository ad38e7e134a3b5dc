import type { ConnectError } from "@connectrpc/connect";

/** What a subscription that reconnects by itself tells its reader. */
export type SubscriptionItem<Event> =
  /** What happened, in order, and the position after the last of it. */
  | { readonly type: "events"; readonly events: readonly Event[]; readonly cursor: string }
  /** Forget everything: the subscription had to begin anew. The events begin the whole present state. */
  | {
      readonly type: "reset";
      readonly reason: ResetReason;
      readonly events: readonly Event[];
      readonly cursor: string;
    }
  /** How the connection is now. */
  | { readonly type: "connection"; readonly connection: Connection };

/** Why a subscription began anew: the server does not know the cursor, or gave none, or what it sent did not fit together. */
export type ResetReason = "invalid_cursor" | "no_cursor" | "out_of_sync";

/** The connection of a subscription. */
export type Connection =
  /** A subscription is being opened. */
  | { readonly state: "connecting" }
  /** The server answers. */
  | { readonly state: "open" }
  /** It was cut, by this error; the next attempt comes after a wait. `failures` counts those in a row, from 1. */
  | {
      readonly state: "waiting";
      readonly error: ConnectError;
      readonly delayMs: number;
      readonly failures: number;
    }
  /** The server ended it for good, with this error. */
  | { readonly state: "ended"; readonly error: ConnectError };
