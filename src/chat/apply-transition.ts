import type { ChatRecord, MessageRecord, QueuedRecord } from "../protocol/index.js";
import {
  changeChat,
  type ChatMetadata,
  type ChatRow,
  decodeChat,
  deleteChat,
  deleteCheckpoint,
  deleteFilesOfChat,
  deleteQueuedMessages,
  hideMessagesFrom,
  insertMessages,
  type Queryable,
  replaceCheckpointDeltas,
  type Transaction,
  updateChat,
  upsertQueuedMessage,
  writeCheckpoint,
} from "../store/index.js";
import type { ChatState, NewMessage, Versions } from "./chat-state.js";
import { chatStateToColumns } from "./chat-state-rows.js";
import { isTurn } from "./draft.js";
import { transition } from "./transition.js";
import type { TransitionInput } from "./transition-input.js";
import type { Refusal } from "./transition-table.js";

/** A chat after a transition, with the rows that it added. */
export interface Applied {
  /** As it is now; as it was before, if it was deleted. */
  readonly chat: ChatRecord;
  /** What the machine knows of it now. Undefined if it was deleted. */
  readonly state: ChatState | undefined;
  readonly messages: readonly MessageRecord[];
  /** The message that it put into the queue, if it did. */
  readonly queued: QueuedRecord | undefined;
}

type Outcome =
  | { readonly applied: Applied; readonly notify: boolean; readonly refused?: never }
  | { readonly applied?: undefined; readonly notify?: never; readonly refused: Refusal };

/** Asks the machine and writes what it says, in the given transaction. The row is locked. */
export async function applyTransition(
  tx: Transaction,
  row: ChatRow,
  before: ChatState,
  input: TransitionInput,
  options: {
    readonly metadata?: ChatMetadata;
    /** What is to be written in place of what the input alone changes: that, and what follows it. */
    readonly extend?: (change: Change) => Change;
    /** Nothing is written after it. */
    readonly isLast?: boolean;
  } = {},
): Promise<Outcome> {
  const { metadata = {}, extend, isLast = false } = options;
  const next = transition(before, input);
  if (!next.ok) return { refused: next.refusal };
  if (next.chat === undefined) {
    await deleteFilesOfChat(tx, row.id);
    await deleteChat(tx, row.id);
    // Whoever watches has to look once more, to find nothing.
    const chat = decodeChat({ ...row, snapshot_version: row.snapshot_version + 1 });
    return { applied: { chat, state: undefined, messages: [], queued: undefined }, notify: next.notify };
  }
  if (next.chat === before) {
    const applied = { chat: decodeChat(row), state: before, messages: [], queued: undefined };
    return { applied, notify: next.notify };
  }
  const own = {
    before,
    after: next.chat,
    inserted: next.inserted,
    hiddenFrom: next.hiddenFrom,
    notify: next.notify,
  };
  const { after, inserted, hiddenFrom, notify } = extend?.(own) ?? own;
  const touch = inserted.length > 0 || after.versions.metadata > before.versions.metadata;
  // They go out together, and run in this order.
  const write = () =>
    Promise.all([
      hiddenFrom !== undefined && hideMessagesFrom(tx, row.id, hiddenFrom),
      insertMessageRows(tx, row.id, after.versions.snapshot, inserted),
      writeQueue(tx, row.id, before, after),
      writeCheckpointChange(tx, row.id, before, after, input),
      updateChat(tx, row.id, chatStateToColumns(after), metadata, touch),
    ]);
  const [, messages, queued, , written] = await (isLast ? tx.finish(write) : write());
  return { applied: { chat: decodeChat(written), state: after, messages, queued }, notify };
}

/**
 * What transitions make of a chat. However many they are, it is one change: the snapshot version advances by one (CHAT-2).
 */
export interface Change {
  readonly before: ChatState;
  readonly after: ChatState;
  readonly inserted: readonly NewMessage[];
  /** From which message on the history is hidden, before anything is inserted. */
  readonly hiddenFrom: number | undefined;
  readonly notify: boolean;
}

/** Nothing has changed yet. */
export function noChange(chat: ChatState): Change {
  return { before: chat, after: chat, inserted: [], hiddenFrom: undefined, notify: false };
}

/** What that and one more transition change. Undefined if the machine refuses, if that changes nothing, or if it cannot follow in one change. */
export function andThen(change: Change, input: TransitionInput): Change | undefined {
  const { before, after, inserted, notify } = change;
  const next = transition(after, input);
  if (!next.ok || next.chat === undefined || next.chat === after) return undefined;
  if (next.hiddenFrom !== undefined && (inserted.length > 0 || change.hiddenFrom !== undefined))
    return undefined;
  return {
    before,
    after: { ...next.chat, versions: asOneChange(before.versions, next.chat.versions) },
    inserted: [...inserted, ...next.inserted],
    hiddenFrom: next.hiddenFrom ?? change.hiddenFrom,
    notify: notify || next.notify,
  };
}

/** Whether one statement can write it: nothing but the chat's row, and rows that are added to its history. */
export function isOneStatement({ before, after, hiddenFrom }: Change): boolean {
  return hiddenFrom === undefined && after.queue === before.queue && after.checkpoint === before.checkpoint;
}

/** Whatever has changed since, did so with the version after `before`. */
function asOneChange({ snapshot }: Versions, after: Versions): Versions {
  const cap = (version: number): number => Math.min(version, snapshot + 1);
  return {
    snapshot: cap(after.snapshot),
    history: cap(after.history),
    queue: cap(after.queue),
    retry: cap(after.retry),
    metadata: cap(after.metadata),
    reset: cap(after.reset),
  };
}

/**
 * Writes a change of a chat that is not locked and was not read, in one statement, if the chat is still what it was before: every
 * transition advances the snapshot version (CHAT-2). Undefined, and nothing is written, if it is not, or if the result of a request with the
 * idempotency key `unless` is known.
 */
export async function writeChange(
  db: Queryable,
  chatId: string,
  { before, after, inserted }: Change,
  options: {
    readonly unless?: { readonly owner: string; readonly key: string };
    /** Nothing of the chat was checkpointed, as the caller knows. */
    readonly isBare?: boolean;
  } = {},
): Promise<Applied | undefined> {
  const { unless, isBare = false } = options;
  const changed = await changeChat(db, chatId, {
    snapshotVersion: before.versions.snapshot,
    chat: chatStateToColumns(after),
    touch: inserted.length > 0,
    messages: inserted,
    mayHaveDeltas: !isBare && mayHaveDeltas(before),
    unless,
  });
  if (changed === undefined) return undefined;
  const messages = messageRecords(inserted, after.versions.snapshot, () => changed.writtenAt);
  return { chat: decodeChat(changed.row), state: after, messages, queued: undefined };
}

/** Whether a step of the chat may have shown something that was checkpointed: only what a turn does now counts (`updateChat`). */
export function mayHaveDeltas({ phase, generationAttempt, openCalls }: ChatState): boolean {
  return isTurn(phase) && (generationAttempt > 0 || openCalls.length > 0);
}

/** Returns the rows as they are stored. */
export async function insertMessageRows(
  tx: Queryable,
  chatId: string,
  revision: number,
  inserted: readonly NewMessage[],
): Promise<MessageRecord[]> {
  const times = await insertMessages(tx, chatId, revision, inserted);
  return messageRecords(inserted, revision, (id) => times.get(id) ?? new Date(0));
}

function messageRecords(
  inserted: readonly NewMessage[],
  revision: number,
  createdAt: (id: number) => Date,
): MessageRecord[] {
  return inserted.map((message) => ({
    ...message,
    revision,
    createdAt: createdAt(message.id),
    contentError: undefined,
  }));
}

/** Returns the item that was appended, if any. All its statements are sent at once. */
async function writeQueue(
  tx: Queryable,
  chatId: string,
  before: ChatState,
  after: ChatState,
): Promise<QueuedRecord | undefined> {
  if (after.queue === before.queue) return undefined;
  const kept = new Set(after.queue.map((item) => item.id));
  const removed = before.queue.map((item) => item.id).filter((id) => !kept.has(id));
  const moved = after.queue.filter((item) =>
    before.queue.every((old) => old.id !== item.id || old.position !== item.position),
  );
  const [, ...times] = await Promise.all([
    deleteQueuedMessages(tx, chatId, removed),
    ...moved.map((item) => upsertQueuedMessage(tx, chatId, item)),
  ]);
  const index = moved.findIndex((item) => item.id > before.lastQueueId);
  const [item, createdAt] = [moved[index], times[index]];
  if (item === undefined || createdAt === undefined) return undefined;
  return { id: item.id, parts: item.parts, model: item.model, author: item.author, createdAt };
}

/** All its statements are sent at once. */
async function writeCheckpointChange(
  tx: Queryable,
  chatId: string,
  before: ChatState,
  after: ChatState,
  input: TransitionInput,
): Promise<void> {
  if (after.checkpoint === before.checkpoint) return;
  if (after.checkpoint === undefined) return deleteCheckpoint(tx, chatId);
  const { versions, generationAttempt } = after;
  const episode = { chatId, historyVersion: versions.history, generationAttempt };
  await Promise.all([
    writeCheckpoint(tx, episode, after.checkpoint),
    input.type === "Checkpoint" &&
      input.shown !== undefined &&
      replaceCheckpointDeltas(tx, episode, input.shown),
  ]);
}
