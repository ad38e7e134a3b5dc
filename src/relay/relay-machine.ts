/**
 * Decides from where a replica gets the deltas of one chat that it watches.
 *
 * ```
 *            somebody else runs it          accepted
 *   ┌──────┐ ──────────────▶ ┌───────────┐ ─────────▶ ┌───────────┐ nobody runs it, an episode is open ┌─────────┐
 *   │ idle │                 │ dialling  │            │ connected │ ──────────────────────────────────▶│ closing │
 *   └──────┘ ◀────────┐      └───────────┘ ◀────┐     └───────────┘                                    └─────────┘
 *    nobody runs it,  │  failed │    │ refused  │ the owner was  │ the transport ended      the episode is closed,
 *    or this replica: │         │    ▼          │ read afresh    │                          or 1 s: idle
 *    from everywhere ─┘         │ ┌─────────┐  ┌─────────┐       │
 *                               │ │ refused │  │ waiting │ ◀─────┘
 *                               │ └─────────┘  └─────────┘
 *                               └────────────────▲
 *           Another worker runs it: from everywhere, by way of a new dial. The last watcher leaves: stopped.
 * ```
 *
 * Who runs a chat is what the database says. A notification is a reason to ask it, and only when it does not say what is known (BUS-4).
 *
 * Each dial has an id, and so has the stream that comes of it. What comes with any other id than the present one contributes nothing, and
 * a dial that succeeds too late is closed (RELAY-3). A read of the owner and a timer have ids as well.
 */

/** A replica that runs the chat, and where it is reached. */
export interface RelayTarget {
  readonly workerId: string;
  readonly url: string;
}

/** Who runs a chat, as the database says: nobody, this very replica, or another one. */
export type RelayOwner =
  | { readonly type: "nobody" }
  | { readonly type: "here" }
  | { readonly type: "there"; readonly target: RelayTarget };

/** What a notification says: the worker that runs the chat; undefined when nobody does. */
export type RelayHint = { readonly workerId: string | undefined };

/** What comes over a relay. */
export type RelayedKind = "opened" | "deltas" | "closed";

export type RelayInput =
  /** A notification came. Without a hint: something may have been missed. */
  | { readonly type: "notified"; readonly hint: RelayHint | undefined }
  | { readonly type: "owner"; readonly readId: number; readonly owner: RelayOwner }
  | { readonly type: "ownerUnknown"; readonly readId: number }
  | { readonly type: "dialed"; readonly dialId: number }
  /** `refused`: it will be again, until the target is another one (RELAY-12). */
  | { readonly type: "dialFailed"; readonly dialId: number; readonly refused: boolean }
  | { readonly type: "received"; readonly dialId: number; readonly kind: RelayedKind }
  /** The transport is over. That says nothing about the episode (RELAY-6). */
  | { readonly type: "ended"; readonly dialId: number; readonly refused: boolean }
  | { readonly type: "timer"; readonly timerId: number }
  /** The last watcher has left. */
  | { readonly type: "stop" };

export type RelayOutput =
  | { readonly type: "readOwner"; readonly readId: number }
  | { readonly type: "dial"; readonly dialId: number; readonly target: RelayTarget }
  /** The dial is not wanted any more. It is still answered: when it succeeds, it is closed then. */
  | { readonly type: "cancelDial"; readonly dialId: number }
  | { readonly type: "close"; readonly dialId: number }
  /** What was received is the present worker's: use it. */
  | { readonly type: "forward" }
  /** Nobody will go on with the open episode. */
  | { readonly type: "discard" }
  | { readonly type: "armTimer"; readonly timerId: number; readonly ms: number };

interface Common {
  /** Dials, reads and timers count with one another. */
  readonly lastId: number;
  /** The read that is under way; `again`: something was heard since it began. */
  readonly reading: { readonly readId: number; readonly again: boolean } | undefined;
}

export type RelayPhase =
  | { readonly phase: "idle" }
  | {
      readonly phase: "dialling";
      readonly target: RelayTarget;
      readonly dialId: number;
      readonly failures: number;
    }
  | {
      readonly phase: "connected";
      readonly target: RelayTarget;
      readonly dialId: number;
      readonly failures: number;
      readonly episodeOpen: boolean;
    }
  /** Until the next dial; without a timer that dial is due. */
  | {
      readonly phase: "waiting";
      readonly target: RelayTarget;
      readonly timerId: number | undefined;
      readonly failures: number;
    }
  | { readonly phase: "refused"; readonly target: RelayTarget }
  | { readonly phase: "closing"; readonly dialId: number; readonly timerId: number }
  | { readonly phase: "stopped" };

export type RelayState = Common & RelayPhase;

export interface RelayStep {
  readonly state: RelayState;
  readonly outputs: readonly RelayOutput[];
}

/** How long the closing deltas of a turn that is over are waited for (RELAY-10). */
const closingMs = 1_000;
const firstRedialMs = 500;
const maxRedialMs = 15_000;

export function startRelay(): RelayStep {
  return read({ phase: "idle", lastId: 0, reading: undefined });
}

export function stepRelay(state: RelayState, input: RelayInput): RelayStep {
  switch (input.type) {
    case "notified":
      return isNews(state, input.hint) ? look(state) : stay(state);
    case "owner": {
      if (state.reading?.readId !== input.readId) return stay(state);
      const next = adopt({ ...state, reading: undefined }, input.owner);
      return state.reading.again ? continueWith(next, look) : next;
    }
    case "ownerUnknown": {
      if (state.reading?.readId !== input.readId) return stay(state);
      const known = { ...state, reading: undefined };
      if (known.phase === "waiting" && known.timerId === undefined)
        return wait(known, known.target, known.failures);
      // The next notification differs as this one did.
      return stay(known);
    }
    case "dialed": {
      if (state.phase !== "dialling" || state.dialId !== input.dialId) return stay(state, close(input));
      return stay({ ...state, phase: "connected", episodeOpen: false });
    }
    case "dialFailed":
      if (state.phase !== "dialling" || state.dialId !== input.dialId) return stay(state);
      return redial(state, input);
    case "received":
      return receive(state, input);
    case "ended":
      if (state.phase === "closing" && state.dialId === input.dialId) return rest(state);
      if (state.phase !== "connected" || state.dialId !== input.dialId) return stay(state);
      return redial(state, input);
    case "timer":
      return timer(state, input.timerId);
    case "stop":
      return state.phase === "stopped"
        ? stay(state)
        : {
            state: { phase: "stopped", lastId: state.lastId, reading: undefined },
            outputs: [...release(state), { type: "discard" }],
          };
    default:
      return input satisfies never;
  }
}

/** Whether it says anything but what is known. While a read is under way everything is news: it may have begun before. */
function isNews(state: RelayState, hint: RelayHint | undefined): boolean {
  if (state.phase === "stopped") return false;
  if (hint === undefined || state.reading !== undefined) return true;
  return hint.workerId !== ("target" in state ? state.target.workerId : undefined);
}

/** Asks the database, unless that is under way: then once more after it. */
function look(state: RelayState): RelayStep {
  if (state.phase === "stopped") return stay(state);
  return state.reading === undefined
    ? read(state)
    : stay({ ...state, reading: { ...state.reading, again: true } });
}

function read(state: RelayState): RelayStep {
  const readId = state.lastId + 1;
  return stay({ ...state, lastId: readId, reading: { readId, again: false } }, { type: "readOwner", readId });
}

/** What follows from who runs the chat. */
function adopt(state: RelayState, owner: RelayOwner): RelayStep {
  if (state.phase === "stopped") return stay(state);
  switch (owner.type) {
    case "there": {
      const { target } = owner;
      const known = "target" in state && isSame(state.target, target);
      if (known && state.phase === "waiting" && state.timerId === undefined)
        return dial(state, target, state.failures, []);
      if (known) return stay(state);
      const left = state.phase === "idle" ? [] : [...release(state), { type: "discard" } as const];
      return dial(state, target, 0, left);
    }
    case "here":
      return state.phase === "idle" ? stay(state) : rest(state, release(state));
    case "nobody":
      if (state.phase === "idle" || state.phase === "closing") return stay(state);
      if (state.phase === "connected" && state.episodeOpen) return finish(state, state.dialId);
      return rest(state, release(state));
    default:
      return owner satisfies never;
  }
}

function dial(
  { lastId, reading }: Common,
  target: RelayTarget,
  failures: number,
  before: readonly RelayOutput[],
): RelayStep {
  const dialId = lastId + 1;
  return {
    state: { phase: "dialling", lastId: dialId, reading, target, dialId, failures },
    outputs: [...before, { type: "dial", dialId, target }],
  };
}

/** The transport failed or ended. */
function redial(
  state: RelayState & { readonly target: RelayTarget; readonly failures: number },
  { refused }: { readonly refused: boolean },
): RelayStep {
  const { lastId, reading, target, failures } = state;
  return refused ? stay({ phase: "refused", lastId, reading, target }) : wait(state, target, failures);
}

function wait({ lastId, reading }: Common, target: RelayTarget, failures: number): RelayStep {
  const timerId = lastId + 1;
  const ms = Math.min(maxRedialMs, firstRedialMs * 2 ** Math.min(failures, 10));
  return {
    state: { phase: "waiting", lastId: timerId, reading, target, timerId, failures: failures + 1 },
    outputs: [{ type: "armTimer", timerId, ms }],
  };
}

/** The turn is over: only the end of the open episode is still waited for. */
function finish({ lastId, reading }: Common, dialId: number): RelayStep {
  const timerId = lastId + 1;
  return {
    state: { phase: "closing", lastId: timerId, reading, dialId, timerId },
    outputs: [{ type: "armTimer", timerId, ms: closingMs }],
  };
}

function receive(
  state: RelayState,
  { dialId, kind }: { readonly dialId: number; readonly kind: RelayedKind },
): RelayStep {
  const forward = { type: "forward" } as const;
  if (state.phase === "closing" && state.dialId === dialId)
    return kind === "closed" ? rest(state, [forward, ...release(state)]) : stay(state, forward);
  if (state.phase !== "connected" || state.dialId !== dialId) return stay(state);
  const failures = kind === "deltas" ? 0 : state.failures;
  return stay({ ...state, failures, episodeOpen: kind !== "closed" }, forward);
}

function timer(state: RelayState, timerId: number): RelayStep {
  if (state.phase === "waiting" && state.timerId === timerId) return look({ ...state, timerId: undefined });
  if (state.phase === "closing" && state.timerId === timerId) return rest(state, release(state));
  return stay(state);
}

/** Gives up whatever it has. */
function release(state: RelayState): RelayOutput[] {
  switch (state.phase) {
    case "dialling":
      return [{ type: "cancelDial", dialId: state.dialId }];
    case "connected":
    case "closing":
      return [close(state)];
    default:
      return [];
  }
}

/** Nobody elsewhere runs the chat. */
function rest({ lastId, reading }: Common, before: readonly RelayOutput[] = []): RelayStep {
  return { state: { phase: "idle", lastId, reading }, outputs: [...before, { type: "discard" }] };
}

function close({ dialId }: { readonly dialId: number }): RelayOutput {
  return { type: "close", dialId };
}

function stay(state: RelayState, ...outputs: readonly RelayOutput[]): RelayStep {
  return { state, outputs };
}

function continueWith(step: RelayStep, next: (state: RelayState) => RelayStep): RelayStep {
  const { state, outputs } = next(step.state);
  return { state, outputs: [...step.outputs, ...outputs] };
}

function isSame(a: RelayTarget, b: RelayTarget): boolean {
  return a.workerId === b.workerId && a.url === b.url;
}
