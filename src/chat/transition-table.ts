import type { ChatState } from "./chat-state.js";
import type { TransitionInput } from "./transition-input.js";

/**
 * The transition table as data. `transition.ts` obeys it, its tests walk through it, and docs/chat-machine.md is printed from it.
 *
 * ```
 *              Send                    Acquire                 FinishTurn (queue empty)
 *      N ──▶ W ─────▶ U (pending) ◀────────────▶ R (running) ─────────────▶ W
 *            ▲        ▲   ▲           Release    │ │ │  └─ Fail ──▶ E ──Send──▶ U
 *            │        │   └── results, Expire ─┐ │ │ └─ RequireAction ──▶ A ─┘
 *            │        └──────── Edit ────────  │ │ └─ BeginAttempt, RecordRetry, CommitStep ──▶ R
 *            └──────────── FinishInterrupt ◀── I ◀─ Interrupt
 * ```
 *
 * A digit says whether the queue is empty (0) or not (1).
 */
export const stateClasses = {
  W: "idle; the queue is always empty (CHAT-5)",
  E0: "the last turn failed",
  E1: "the last turn failed; the queue is held",
  U0: "a turn is to run and nobody owns it: shown as PENDING",
  U1: "the same, with a queue",
  R0: "a living worker runs the turn",
  R1: "the same, with a queue",
  I0: "interrupted: the partial is about to be committed",
  I1: "the same, with a queue",
  A0: "tools that the client runs are awaited",
  A1: "the same, with a queue",
  XW: "archived W",
  XE0: "archived E0",
  XE1: "archived E1",
} as const;

export type StateClass = keyof typeof stateClasses;

/** Why a transition is refused. Stable: clients see them as reasons. */
export const refusals = {
  INVALID_TRANSITION: "the chat's state has no such transition",
  NOT_RUNNING: "no turn runs that could be interrupted",
  CHAT_BUSY: "a turn is under way",
  CHAT_ARCHIVED: "the chat is archived",
  QUEUE_FULL: "the queue holds as many messages as it may",
  QUEUED_MESSAGE_NOT_FOUND: "no such message in the queue",
  MESSAGE_NOT_FOUND: "no such message in the history",
  NOT_A_USER_MESSAGE: "only user messages can be edited",
  TOOL_RESULTS_MISMATCH: "the results are not exactly those of the open calls",
  NOTHING_TO_COMPACT: "the history holds nothing to summarise",
  STALE: "the worker's lease or attempt is out of date; it must drop what it holds",
  INTERRUPT_REQUESTED: "the turn was interrupted; the worker must finish the interrupt",
  ATTEMPTS_EXHAUSTED: "the step was tried as often as it may be",
  NOT_ACQUIRABLE: "there is nothing to run, or a living worker runs it",
} as const;

export type Refusal = keyof typeof refusals;

/** The name of a row of the table: the input's type, and for Send what to do when busy. */
export type TransitionName =
  | Exclude<TransitionInput["type"], "Send">
  | "Send/queue"
  | "Send/interrupt"
  | "Send/reject";

/** Where a transition leads: the possible states, or `!` and the refusal. A handler may refuse more, never allow more. */
export type Cell = StateClass | `${StateClass} ${StateClass}` | `!${Refusal}`;

type Row = Readonly<Record<StateClass, Cell>>;

const archived = { XW: "!CHAT_ARCHIVED", XE0: "!CHAT_ARCHIVED", XE1: "!CHAT_ARCHIVED" } as const;
const illegal = "!INVALID_TRANSITION";
const notFound = "!QUEUED_MESSAGE_NOT_FOUND";
const interrupted = "!INTERRUPT_REQUESTED";

/** Everything but W, E and X: what most workers' transitions refuse. */
const idleStale = {
  W: "!STALE",
  E0: "!STALE",
  E1: "!STALE",
  XW: "!STALE",
  XE0: "!STALE",
  XE1: "!STALE",
} as const;
const runningOnly = {
  ...idleStale,
  U0: "!STALE",
  U1: "!STALE",
  I0: interrupted,
  I1: interrupted,
  A0: "!STALE",
  A1: "!STALE",
} as const;

// biome-ignore format: a table
export const transitionTable: Readonly<Record<TransitionName, Row>> = {
  // Asked for by clients.
  "Send/queue":      { W: "U0", E0: "U0", E1: "U1", U0: "U1", U1: "U1", R0: "R1", R1: "R1", I0: "I1", I1: "I1", A0: "A1", A1: "A1", ...archived },
  "Send/interrupt":  { W: "U0", E0: "U0", E1: "U1", U0: "U0", U1: "U1", R0: "I1", R1: "I1", I0: "I1", I1: "I1", A0: "U0", A1: "U1", ...archived },
  "Send/reject":     { W: "U0", E0: "U0", E1: "U1", U0: "!CHAT_BUSY", U1: "!CHAT_BUSY", R0: "!CHAT_BUSY", R1: "!CHAT_BUSY", I0: "!CHAT_BUSY", I1: "!CHAT_BUSY", A0: "!CHAT_BUSY", A1: "!CHAT_BUSY", ...archived },
  Edit:              { W: "U0", E0: "U0", E1: "U0", U0: "U0", U1: "U0", R0: "U0", R1: "U0", I0: "U0", I1: "U0", A0: "U0", A1: "U0", ...archived },
  Interrupt:         { W: "!NOT_RUNNING", E0: "!NOT_RUNNING", E1: "!NOT_RUNNING", U0: "W", U1: "U0 U1", R0: "I0", R1: "I1", I0: "I0", I1: "I1", A0: "W", A1: "U0 U1", XW: "!NOT_RUNNING", XE0: "!NOT_RUNNING", XE1: "!NOT_RUNNING" },
  SubmitToolResults: { W: illegal, E0: illegal, E1: illegal, U0: illegal, U1: illegal, R0: illegal, R1: illegal, I0: illegal, I1: illegal, A0: "U0", A1: "U1", ...archived },
  DeleteQueued:      { W: notFound, E0: notFound, E1: "E0 E1", U0: notFound, U1: "U0 U1", R0: notFound, R1: "R0 R1", I0: notFound, I1: "I0 I1", A0: notFound, A1: "A0 A1", ...archived },
  PromoteQueued:     { W: notFound, E0: notFound, E1: "U0 U1", U0: notFound, U1: "U0 U1", R0: notFound, R1: "I1", I0: notFound, I1: "I1", A0: notFound, A1: "U0 U1", ...archived },
  Compact:           { W: "U0", E0: "U0", E1: "U1", U0: "!CHAT_BUSY", U1: "!CHAT_BUSY", R0: "!CHAT_BUSY", R1: "!CHAT_BUSY", I0: "!CHAT_BUSY", I1: "!CHAT_BUSY", A0: "!CHAT_BUSY", A1: "!CHAT_BUSY", ...archived },
  UpdateMetadata:    { W: "W", E0: "E0", E1: "E1", U0: "U0", U1: "U1", R0: "R0", R1: "R1", I0: "I0", I1: "I1", A0: "A0", A1: "A1", XW: "XW", XE0: "XE0", XE1: "XE1" },
  Archive:           { W: "XW", E0: "XE0", E1: "XE1", U0: "!CHAT_BUSY", U1: "!CHAT_BUSY", R0: "!CHAT_BUSY", R1: "!CHAT_BUSY", I0: "!CHAT_BUSY", I1: "!CHAT_BUSY", A0: "!CHAT_BUSY", A1: "!CHAT_BUSY", XW: "XW", XE0: "XE0", XE1: "XE1" },
  Unarchive:         { W: "W", E0: "E0", E1: "E1", U0: "U0", U1: "U1", R0: "R0", R1: "R1", I0: "I0", I1: "I1", A0: "A0", A1: "A1", XW: "W", XE0: "E0", XE1: "E1" },
  Delete:            { W: "W", E0: "E0", E1: "E1", U0: "!CHAT_BUSY", U1: "!CHAT_BUSY", R0: "!CHAT_BUSY", R1: "!CHAT_BUSY", I0: "!CHAT_BUSY", I1: "!CHAT_BUSY", A0: "!CHAT_BUSY", A1: "!CHAT_BUSY", XW: "XW", XE0: "XE0", XE1: "XE1" },

  // Asked for by workers.
  Acquire:           { W: "!NOT_ACQUIRABLE", E0: "!NOT_ACQUIRABLE", E1: "!NOT_ACQUIRABLE", U0: "R0", U1: "R1", R0: "R0", R1: "R1", I0: "I0", I1: "I1", A0: "!NOT_ACQUIRABLE", A1: "!NOT_ACQUIRABLE", XW: "!NOT_ACQUIRABLE", XE0: "!NOT_ACQUIRABLE", XE1: "!NOT_ACQUIRABLE" },
  Release:           { ...runningOnly, R0: "U0", R1: "U1", I0: "I0", I1: "I1" },
  BeginAttempt:      { ...runningOnly, R0: "R0", R1: "R1" },
  RecordRetry:       { ...runningOnly, R0: "R0", R1: "R1" },
  Checkpoint:        { ...runningOnly, R0: "R0", R1: "R1", I0: "I0", I1: "I1" },
  StartCalls:        { ...runningOnly, R0: "R0", R1: "R1" },
  CommitStep:        { ...runningOnly, R0: "R0", R1: "R1" },
  RequireAction:     { ...runningOnly, R0: "A0", R1: "A1" },
  FinishTurn:        { ...runningOnly, R0: "W", R1: "R0 R1" },
  Fail:              { ...runningOnly, R0: "E0", R1: "E1" },
  FinishInterrupt:   { ...idleStale, U0: "!STALE", U1: "!STALE", R0: "!STALE", R1: "!STALE", I0: "W", I1: "R0 R1", A0: "!STALE", A1: "!STALE" },
  ExpireAction:      { W: "!STALE", E0: "!STALE", E1: "!STALE", U0: "!STALE", U1: "!STALE", R0: "!STALE", R1: "!STALE", I0: "!STALE", I1: "!STALE", A0: "U0", A1: "U1", XW: "!STALE", XE0: "!STALE", XE1: "!STALE" },
};

/** What each transition does beyond the change of state: the effects column of the documentation. */
export const transitionEffects: Readonly<Record<TransitionName, string>> = {
  "Send/queue":
    "idle: the message enters the history, an error is cleared; with a held queue it goes to the queue's end and the head enters the history; busy: it waits in the queue, at most 20 there (QUEUE_FULL)",
  "Send/interrupt":
    "as Send/queue when idle; running: queued, and the turn is interrupted; pending: what was checkpointed is committed, the queue's head enters the history; awaiting tools: open calls are closed as cancelled, the queue's head enters the history",
  "Send/reject": "as Send/queue when idle; refused when busy, for clients that queue by themselves",
  Edit: "the message and everything after it is hidden, the replacement enters the history; the queue is emptied; partial, error and open calls are dropped; a running worker loses the chat",
  Interrupt:
    "running: the worker is told; pending: what was checkpointed is committed, open calls are closed, the queue's head enters the history; awaiting tools: open calls are closed as interrupted; already interrupting: nothing",
  SubmitToolResults: "exactly the open calls, each once; the results enter the history and the turn goes on",
  DeleteQueued: "the message leaves the queue",
  PromoteQueued:
    "idle or pending: the message enters the history (open calls closed, checkpointed partial committed first); running: it goes to the queue's head and the turn is interrupted",
  Compact: "the next step is a compaction; refused when there is nothing to compact",
  UpdateMetadata: "title, labels, pinned or model change; the history does not",
  Archive: "nothing but the flag changes",
  Unarchive: "nothing but the flag changes",
  Delete: "the chat and everything in it is gone",
  Acquire:
    "the lease epoch advances; also takes over from a worker whose heartbeat stopped, and gives a worker back what it owns and does not run; refused (NOT_ACQUIRABLE) while another living worker owns the chat",
  Release: "a worker that stops hands the turn over",
  BeginAttempt:
    "the attempt counter advances, a pending retry is cleared, a checkpointed answer is dropped (results of tools are kept); refused after 25 attempts",
  RecordRetry: "tells clients about the wait",
  Checkpoint: "stores what the attempt has produced; no version advances, nobody is notified",
  StartCalls: "marks tool calls as started; no version advances, nobody is notified",
  CommitStep: "the step's messages enter the history; the checkpoint is dropped",
  RequireAction: "the worker lets go; the deadline is stored; refused without open calls",
  FinishTurn: "the worker lets go, or goes on with the queue's head; refused while calls are open",
  Fail: "the error is stored, open calls are closed, the worker lets go",
  FinishInterrupt:
    "the partial is committed, open calls are closed as interrupted; the worker lets go, or goes on with the queue's head",
  ExpireAction: "open calls are closed as timed out; the turn goes on",
};

/** The class of a state. */
export function classify(chat: ChatState): StateClass {
  const queued = chat.queue.length > 0;
  const { phase } = chat;
  switch (phase.status) {
    case "waiting":
      return chat.archived ? "XW" : "W";
    case "error":
      if (chat.archived) return queued ? "XE1" : "XE0";
      return queued ? "E1" : "E0";
    case "running":
      if (phase.owner?.alive === true) return queued ? "R1" : "R0";
      return queued ? "U1" : "U0";
    case "interrupting":
      return queued ? "I1" : "I0";
    case "requires_action":
      return queued ? "A1" : "A0";
    default:
      return phase satisfies never;
  }
}

export function transitionName(input: TransitionInput): TransitionName {
  return input.type === "Send" ? `Send/${input.whenBusy}` : input.type;
}
