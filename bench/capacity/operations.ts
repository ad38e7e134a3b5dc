/**
 * What one thing that happens costs: the statements that it sends to Postgres, by name, and the messages that it sends to NATS. Counted by
 * reading the code; operations.test.ts holds them against what real replicas send.
 */

/** How often each statement is sent; `begin` and `commit` count, for each is a message to Postgres and its answer. */
export type Statements = Readonly<Record<string, number>>;

/** What belongs to a turn, as the model asks for it. Each step of tools follows a step of the model, and the last step is the model's. */
export interface TurnShape {
  readonly modelSteps: number;
  readonly toolSteps: number;
  /** Calls in each step of tools. */
  readonly calls: number;
}

/** Lock the chat, read what belongs to it, write it (src/chat/chats.ts, `request`, and `work` where more than the chat and its history changes). */
const transition: Statements = {
  begin: 1,
  lock_chat: 1,
  select_chat_extras: 1,
  update_chat: 1,
  commit: 1,
};
/** The same of a worker that knows what the chat is, with the message that it commits, if it does (src/chat/apply-transition.ts). */
const believedTransition: Statements = { change_chat: 1 };
/**
 * With the idempotency key that our client always sends, to a chat that another replica has left: the one that has left it itself sends
 * `change_chat` instead of reading and writing.
 */
const send = sum(transition, {
  lock_idempotency_key: 1,
  select_idempotency_key: 1,
  insert_idempotency_key: 1,
  insert_messages: 1,
});
/** Of a tool's result while others still run (src/agent/tool-step.ts). */
const checkpointResult = sum(transition, { upsert_checkpoint: 1 });
/** What was written of results goes with the commit of their step. */
const commitCheckpointed = sum(transition, { insert_messages: 1, delete_checkpoint: 1 });

/** All transitions of a turn, from the call of SendMessage to the idle chat (src/agent/turn.ts). */
export function transitionsOfTurn({ modelSteps, toolSteps, calls }: TurnShape): Statements {
  const steps = modelSteps + toolSteps;
  const early = calls - 1;
  const checkpointed = early > 0 ? toolSteps : 0;
  return sum(
    // Acquire and the first BeginAttempt go with it on the replica that was called; another one, to which it gives way, needs six statements more.
    send,
    times(steps - 1, believedTransition), // BeginAttempt
    times(toolSteps, believedTransition), // StartCalls
    times(toolSteps * early, checkpointResult),
    times(checkpointed, commitCheckpointed),
    times(steps - checkpointed, believedTransition), // CommitStep, the last one with FinishTurn
  );
}

/** Rows that the transitions of a turn insert or update, in tables alone: the chat each time, messages, keys, results of tools. */
export function rowsOfTurn(shape: TurnShape): number {
  const count = transitionsOfTurn(shape);
  const of = (name: string): number => count[name] ?? 0;
  const messages = 1 + shape.modelSteps + shape.toolSteps;
  return (
    of("update_chat") +
    of("change_chat") +
    messages +
    of("insert_idempotency_key") +
    of("upsert_checkpoint") +
    of("delete_checkpoint")
  );
}

/**
 * What a worker reads beside: what the chat is at, once it hears of it (src/bus/topics.ts), which does not happen where somebody watches it
 * already; and the history before each step (src/agent/turn.ts, `#next`).
 */
export function workerReadsOfTurn({ modelSteps, toolSteps }: TurnShape): Statements {
  return {
    select_chat_heads: 1,
    select_history: modelSteps + toolSteps,
  };
}

/** A replica that watches a chat which another one runs asks who, when the turn begins and when it is over (src/relay/relay-machine.ts). */
export const relayReadsOfTurn: Statements = { select_chat_owner: 2 };

/**
 * Commits that are announced: the message, with which the first attempt begins, and the beginning of each later step and the end of each; not
 * those that start calls or keep results (src/chat/transition.ts). Each is a message to the chat's subject, which is acknowledged, and one to its
 * owner's (src/bus/nats-bus.ts).
 */
export function announcementsOfTurn({ modelSteps, toolSteps }: TurnShape): number {
  const steps = modelSteps + toolSteps;
  return 1 + (steps - 1) + steps;
}

/** A subscriber reads what is new after each announcement (src/stream/stream-transitions.ts, `settle`); at most, since reads coalesce. */
export function subscriberReadsOfTurn(shape: TurnShape): Statements {
  return { select_chat_changes: announcementsOfTurn(shape) };
}

/**
 * A subscription until `caught_up`: the chat, what it is at once its NATS subscription holds, and, of the first of a chat on this replica,
 * who runs it (src/stream, src/bus/polled-bus.ts, src/relay/chat-relay.ts).
 */
export const subscribing: Statements = { select_chat_view: 1, select_chat_heads: 1, select_chat_owner: 1 };

/** A call with a token whose answer is not remembered: it is looked up, and noted that it was used (src/server/token-verifier.ts). */
export const authenticating: Statements = { find_token: 1, touch_token: 1 };

/** A look for work that finds nothing. */
export const lookingForWork: Statements = { begin: 1, lock_unowned_chats: 1, commit: 1 };

/** The same with every poll, when it is also for chats whose owner has died: it passes over all that run. */
export const lookingEverywhere: Statements = { begin: 1, lock_runnable_chats: 1, commit: 1 };

/** With every heartbeat: to say that this replica lives, and to read who else does (src/worker/worker.ts). */
export const heartbeat: Statements = { upsert_heartbeat: 1, select_replicas: 1 };

/** What a watcher of the list reads after each announcement to its owner, and with every poll (src/stream/watch-chats.ts). */
export const readingList: Statements = { select_chat_list_changes: 1 };

/** How many chats one statement of a poll looks at, as src/bus/head-reads.ts has it. */
export const chatsPerPoll = 1_000;

/**
 * What P7 measures: a message without a key to a chat that the replica has left, which its worker takes and begins with, and the end of that
 * turn (bench/kit/transitions-process.ts).
 */
export const measuredTransitions = { transitions: 5, statements: times(2, believedTransition) };

/** Sent without `begin`: each is a transaction by itself. */
const alone = [
  "change_chat",
  "select_history",
  "select_chat_changes",
  "select_chat_view",
  "select_chat_heads",
  "select_chat_owner",
  "select_chat_list_changes",
  "select_expired_actions",
  "append_checkpoint_deltas",
  "upsert_heartbeat",
  "select_replicas",
  "find_token",
  "touch_token",
];

export function transactionsOf(statements: Statements): number {
  return [...alone, "commit"].reduce((all, name) => all + (statements[name] ?? 0), 0);
}

/**
 * What statements ask of Postgres: as much as so many light ones. In CPU of Postgres one that writes a chat with its indexes and messages takes 250 µs,
 * what a subscriber reads after it 76, and what is light 23 to 38: versions of a chat, its history, a look for work (each by itself with
 * `pgbench`, 8 at a time, on the machine of bench/RESULTS.md).
 */
export function weightOf(statements: Statements): number {
  const of = (name: string): number => statements[name] ?? 0;
  return total(statements) + 7 * of("change_chat") + of("select_chat_changes");
}

/** What they ask of the process that sends them and reads the rows, where they differ less: one that writes a chat counts as four. Assumed. */
export function effortOf(statements: Statements): number {
  return total(statements) + 3 * (statements["change_chat"] ?? 0);
}

export function total(statements: Statements): number {
  return Object.values(statements).reduce((all, count) => all + count, 0);
}

export function sum(...all: readonly Statements[]): Statements {
  const result: Record<string, number> = {};
  for (const each of all)
    for (const [name, count] of Object.entries(each))
      if (count > 0) result[name] = (result[name] ?? 0) + count;
  return result;
}

function times(factor: number, statements: Statements): Statements {
  return Object.fromEntries(Object.entries(statements).map(([name, count]) => [name, count * factor]));
}
