import {
  contentVersion,
  encodeContent,
  escapeText,
  type Role,
  type StoredPart,
  type Usage,
  type Visibility,
} from "../protocol/index.js";
import { type ChatRow, chatColumns, type OpenCallJson, toJsonb } from "./chat-rows.js";
import type { Queryable, Statement } from "./database.js";
import type { Parameter } from "./parameters.js";

/** What the chat machine's transaction writes, once it has the chat. */

/** The columns that the chat machine decides. */
export interface ChatColumns {
  readonly archived: boolean;
  readonly model: string;
  readonly status: ChatRow["status"];
  readonly error: unknown;
  readonly retry: unknown;
  readonly actionDeadline: string | undefined;
  readonly openCalls: readonly OpenCallJson[];
  readonly compactionRequested: boolean;
  readonly workerId: string | undefined;
  readonly leaseEpoch: number;
  readonly snapshotVersion: number;
  readonly historyVersion: number;
  readonly queueVersion: number;
  readonly retryVersion: number;
  readonly metadataVersion: number;
  readonly resetVersion: number;
  readonly generationAttempt: number;
  readonly lastMessageId: number;
  readonly lastQueueId: number;
}

function columnValues(chat: ChatColumns): Parameter[] {
  return [
    chat.archived,
    chat.model,
    chat.status,
    chat.error === undefined ? null : toJsonb(chat.error),
    chat.retry === undefined ? null : toJsonb(chat.retry),
    chat.actionDeadline ?? null,
    toJsonb(chat.openCalls),
    chat.compactionRequested,
    chat.workerId ?? null,
    chat.leaseEpoch,
    chat.snapshotVersion,
    chat.historyVersion,
    chat.queueVersion,
    chat.retryVersion,
    chat.metadataVersion,
    chat.resetVersion,
    chat.generationAttempt,
    chat.lastMessageId,
    chat.lastQueueId,
  ];
}

const machineColumns = `archived, model, status, error, retry, action_deadline, open_calls, compaction_requested, worker_id,
  lease_epoch, snapshot_version, history_version, queue_version, retry_version, metadata_version, reset_version,
  generation_attempt, last_message_id, last_queue_id`;

const insertStatement: Statement = {
  name: "insert_chat",
  text: `insert into chats as c (${machineColumns}, id, owner, title, labels)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
    returning ${chatColumns}`,
};

export async function insertChat(
  tx: Queryable,
  identity: { id: string; owner: string; title: string; labels: Readonly<Record<string, string>> },
  chat: ChatColumns,
): Promise<ChatRow> {
  const { id, owner, title, labels } = identity;
  const [row] = await tx.query<ChatRow>(insertStatement, [
    ...columnValues(chat),
    id,
    owner,
    escapeText(title),
    toJsonb(labels),
  ]);
  return expectRow(row);
}

/** What people can change of a chat beside the conversation. */
export interface ChatMetadata {
  readonly title?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly pinned?: boolean | undefined;
}

/** With the values of {@link columnValues} first, as both statements that write a chat have them, and its id after them. */
const setMachineColumns = `set (${machineColumns}) =
      ($1, $2, $3, $4::jsonb, $5::jsonb, $6::timestamptz, $7::jsonb, $8, $9::uuid, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`;
/** What was checkpointed of any attempt but the one that is under way then. */
const isOutdatedDelta = `d.chat_id = $20 and not ($3::text in ('running', 'interrupting')
      and $5::jsonb is null and d.history_version = $12 and d.generation_attempt = $17)`;

/** Lists show it on top, and know that it has changed without the trigger that notes other changes of what they show. */
const touched = (
  isTouched: string,
): string => `updated_at = case when ${isTouched} then clock_timestamp() else updated_at end,
      list_xid = case when ${isTouched} then pg_current_xact_id() else list_xid end`;

const updateStatement: Statement = {
  name: "update_chat",
  text: `with void as (delete from checkpoint_deltas d where ${isOutdatedDelta})
    update chats c ${setMachineColumns},
      title = coalesce($21, title), labels = coalesce($22::jsonb, labels), pinned = coalesce($23, pinned),
      ${touched("$24")}
    where c.id = $20 returning ${chatColumns}`,
};

/**
 * Writes a locked chat. What was checkpointed of any attempt but the one that is under way then, if any, is dropped with it.
 *
 * `touch`: the update is one that lists should show on top.
 */
export async function updateChat(
  tx: Queryable,
  id: string,
  chat: ChatColumns,
  metadata: ChatMetadata,
  touch: boolean,
): Promise<ChatRow> {
  const [row] = await tx.query<ChatRow>(updateStatement, [
    ...columnValues(chat),
    id,
    metadata.title === undefined ? null : escapeText(metadata.title),
    metadata.labels === undefined ? null : toJsonb(metadata.labels),
    metadata.pinned ?? null,
    touch,
  ]);
  return expectRow(row);
}

const deleteStatement: Statement = { name: "delete_chat", text: "delete from chats where id = $1" };

export async function deleteChat(tx: Queryable, id: string): Promise<void> {
  await tx.execute(deleteStatement, [id]);
}

export interface MessageInsert {
  readonly id: number;
  readonly role: Role;
  readonly parts: readonly StoredPart[];
  readonly visibility: Visibility;
  readonly interrupted: boolean;
  readonly model: string | undefined;
  readonly author: string | undefined;
  readonly usage: Usage | undefined;
}

const insertMessagesStatement: Statement = {
  name: "insert_messages",
  text: `insert into messages (chat_id, revision, content_version, id, role, content, visibility, interrupted, model, author, usage)
    select $1, $2, $3, id, role, content::jsonb, visibility, interrupted, model, author, usage::jsonb
    from unnest($4::bigint[], $5::text[], $6::text[], $7::text[], $8::boolean[], $9::text[], $10::text[], $11::text[])
      as new (id, role, content, visibility, interrupted, model, author, usage)
    returning id, created_at`,
};

/** Adds rows to the history; returns when each was committed, by id. */
export async function insertMessages(
  tx: Queryable,
  chatId: string,
  revision: number,
  messages: readonly MessageInsert[],
): Promise<Map<number, Date>> {
  if (messages.length === 0) return new Map();
  const values = [chatId, revision, contentVersion, ...messageValues(messages)];
  const rows = await tx.query<{ id: number; created_at: Date }>(insertMessagesStatement, values);
  return new Map(rows.map((row) => [row.id, row.created_at]));
}

function messageValues(messages: readonly MessageInsert[]): Parameter[] {
  return [
    messages.map((message) => message.id),
    messages.map((message) => message.role),
    messages.map((message) => encodeContent(message.parts)),
    messages.map((message) => message.visibility),
    messages.map((message) => message.interrupted),
    messages.map((message) => message.model ?? null),
    messages.map((message) => message.author ?? null),
    messages.map((message) => (message.usage === undefined ? null : JSON.stringify(message.usage))),
  ];
}

/**
 * A statement that writes a chat which is not locked, with what else there is to write: a part that finds nothing to do costs Postgres almost as
 * much as one that does something. `once`: nothing is written where the result of a request with the same idempotency key is known.
 */
function changeStatement(
  name: string,
  {
    messages = false,
    deltas = false,
    once = false,
  }: { messages?: boolean; deltas?: boolean; once?: boolean },
): Statement {
  const unlessKnown = " and not exists (select from idempotency_keys k where k.owner = $23 and k.key = $24)";
  const update = `update chats c ${setMachineColumns},
        ${touched("$21")}
      where c.id = $20 and c.snapshot_version = $22${once ? unlessKnown : ""} returning ${chatColumns}, now() as written_at`;
  const dropped = `dropped as (delete from checkpoint_deltas d using changed where ${isOutdatedDelta})`;
  const at = (index: number): string => `$${index + (once ? 25 : 23)}`;
  const inserted = `inserted as (
      insert into messages (chat_id, revision, content_version, id, role, content, visibility, interrupted, model, author, usage)
      select $20, $11, ${at(0)}, new.id, role, content::jsonb, visibility, interrupted, new.model, author, usage::jsonb
      from changed, unnest(${at(1)}::bigint[], ${at(2)}::text[], ${at(3)}::text[], ${at(4)}::text[], ${at(5)}::boolean[],
          ${at(6)}::text[], ${at(7)}::text[], ${at(8)}::text[])
        as new (id, role, content, visibility, interrupted, model, author, usage))`;
  const parts = [`changed as (${update})`, ...(deltas ? [dropped] : []), ...(messages ? [inserted] : [])];
  const text = parts.length === 1 ? update : `with ${parts.join(",\n    ")} select * from changed`;
  return { name, text };
}

const changeRow = changeStatement("change_chat", {});
const changeAndAdd = changeStatement("change_chat_messages", { messages: true });
const changeAndAddOnce = changeStatement("change_chat_messages_once", { messages: true, once: true });
const changeAndDrop = changeStatement("change_chat_deltas", { deltas: true });
const changeAddAndDrop = changeStatement("change_chat_deltas_messages", { messages: true, deltas: true });

/**
 * Writes a chat, and rows of its history in ascending order of their ids, if it still has that snapshot version: what {@link updateChat} and
 * {@link insertMessages} do to one that is locked, in one statement. Returns when that was, for each row; undefined when nothing was written.
 *
 * `mayHaveDeltas`: what the chat was may have something checkpointed. `unless`: nothing is written if the result of a request with this
 * idempotency key is known; only for a message to an idle chat.
 */
export async function changeChat(
  db: Queryable,
  id: string,
  options: {
    readonly snapshotVersion: number;
    readonly chat: ChatColumns;
    readonly touch: boolean;
    readonly messages: readonly MessageInsert[];
    readonly mayHaveDeltas: boolean;
    readonly unless?: { readonly owner: string; readonly key: string } | undefined;
  },
): Promise<{ readonly row: ChatRow; readonly writtenAt: Date } | undefined> {
  const { snapshotVersion, chat, touch, messages, mayHaveDeltas: deltas, unless } = options;
  const adds = messages.length > 0;
  if (unless !== undefined && (deltas || !adds))
    throw new Error("nothing but a message to an idle chat is written unless it was before");
  const [plain, dropping] = adds ? [changeAndAdd, changeAddAndDrop] : [changeRow, changeAndDrop];
  const statement = unless === undefined ? (deltas ? dropping : plain) : changeAndAddOnce;
  const [row] = await db.query<ChatRow & { written_at: Date }>(statement, [
    ...columnValues(chat),
    id,
    touch,
    snapshotVersion,
    ...(unless === undefined ? [] : [unless.owner, unless.key]),
    ...(adds ? [contentVersion, ...messageValues(messages)] : []),
  ]);
  return row && { row, writtenAt: row.written_at };
}

const hideStatement: Statement = {
  name: "hide_messages",
  text: "update messages set hidden_at = clock_timestamp() where chat_id = $1 and id >= $2 and hidden_at is null",
};

/** Hides a suffix of the history. Before the replacement is inserted. */
export async function hideMessagesFrom(tx: Queryable, chatId: string, id: number): Promise<void> {
  await tx.execute(hideStatement, [chatId, id]);
}

const selectRole: Statement = {
  name: "select_message_role",
  text: "select role from messages where chat_id = $1 and id = $2 and hidden_at is null and visibility <> 'model'",
};

export async function readMessageRole(tx: Queryable, chatId: string, id: number): Promise<Role | undefined> {
  const [row] = await tx.query<{ role: Role }>(selectRole, [chatId, id]);
  return row?.role;
}

const insertQueued: Statement = {
  name: "insert_queued_message",
  text: `insert into queued_messages (chat_id, id, position, content, content_version, model, author)
    values ($1, $2, $3, $4::jsonb, $5, $6, $7)
    on conflict (chat_id, id) do update set position = excluded.position
    returning created_at`,
};
const deleteQueued: Statement = {
  name: "delete_queued_messages",
  text: "delete from queued_messages where chat_id = $1 and id = any($2::bigint[])",
};

/** Puts a message into the queue, or to another place in it. Returns when it was first put there. */
export async function upsertQueuedMessage(
  tx: Queryable,
  chatId: string,
  item: { id: number; position: number; parts: readonly StoredPart[]; model: string; author: string },
): Promise<Date> {
  const [row] = await tx.query<{ created_at: Date }>(insertQueued, [
    chatId,
    item.id,
    item.position,
    encodeContent(item.parts),
    contentVersion,
    item.model,
    item.author,
  ]);
  return expectRow(row).created_at;
}

export async function deleteQueuedMessages(
  tx: Queryable,
  chatId: string,
  ids: readonly number[],
): Promise<void> {
  if (ids.length > 0) await tx.execute(deleteQueued, [chatId, ids]);
}

const selectExpired: Statement = {
  name: "select_expired_actions",
  text: "select id from chats where status = 'requires_action' and action_deadline <= statement_timestamp() limit $1",
};

/** Chats whose client has not run its tools in time. */
export async function readExpiredActions(db: Queryable, limit: number): Promise<string[]> {
  return (await db.query<{ id: string }>(selectExpired, [limit])).map((row) => row.id);
}

function expectRow<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new Error("the statement returned no row");
  return row;
}
