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
import type { Owner } from "./chat-queries.js";
import type { Queryable, Statement } from "./database.js";
import type { Parameter } from "./parameters.js";

/**
 * The statements behind the chat machine's transaction. Lock first, then read: a statement that waits for a lock sees its other
 * tables as they were before the wait, so nothing but the chat's own row is read by the statement that locks it.
 */
const lockStatement: Statement = {
  name: "lock_chat",
  text: `select ${chatColumns} from chats c where c.id = $1 and ($2::text is null or c.owner = $2) for update of c`,
};

export async function lockChat(tx: Queryable, chatId: string, owner: Owner): Promise<ChatRow | undefined> {
  const [row] = await tx.query<ChatRow>(lockStatement, [chatId, owner ?? null]);
  return row;
}

const selectRow: Statement = {
  name: "select_chat_row",
  text: `select ${chatColumns} from chats c where c.id = $1`,
};

/** The same without the lock, for whoever only wants to know. */
export async function readChatRow(db: Queryable, chatId: string): Promise<ChatRow | undefined> {
  const [row] = await db.query<ChatRow>(selectRow, [chatId]);
  return row;
}

/** The living are read once, and not once for each chat that runs. */
const lockRunnable: Statement = {
  name: "lock_runnable_chats",
  text: `select c.id, (extract(epoch from clock_timestamp() - c.updated_at) * 1000)::float8 as idle_ms from chats c
    where c.status in ('running', 'interrupting') and c.id <> all ($5::uuid[])
      and ((c.worker_id = $3::uuid and c.id <> all ($4::uuid[])) or c.worker_id is null
        or c.worker_id <> all (array(select r.id from replicas r
          where r.heartbeat_at > clock_timestamp() - $1 * interval '1 millisecond')))
    order by c.updated_at for update of c skip locked limit $2`,
};

const lockUnowned: Statement = {
  name: "lock_unowned_chats",
  text: `select c.id, (extract(epoch from clock_timestamp() - c.updated_at) * 1000)::float8 as idle_ms from chats c
    where c.worker_id is null and c.status in ('running', 'interrupting') and c.id <> all ($2::uuid[])
    order by c.updated_at for update of c skip locked limit $1`,
};

/** `idleMs`: since its last message, or whatever else its owner changed. */
interface RunnableChat {
  readonly id: string;
  readonly idleMs: number;
}

/**
 * Chats that a worker may acquire, locked; those that somebody else is about to acquire are skipped. Nothing is read of them, so that one
 * that cannot be read keeps nobody from the others. Looks through all chats that run.
 */
export async function lockRunnableChats(
  tx: Queryable,
  options: {
    leaseMs: number;
    limit: number;
    workerId: string;
    running: readonly string[];
    except: readonly string[];
  },
): Promise<RunnableChat[]> {
  const { leaseMs, limit, workerId, running, except } = options;
  const rows = await tx.query<{ id: string; idle_ms: number }>(lockRunnable, [
    leaseMs,
    limit,
    workerId,
    running,
    except,
  ]);
  return rows.map(({ id, idle_ms: idleMs }) => ({ id, idleMs }));
}

/** Those of them that have no owner at all, dead or alive. Costs as much as there are of these. */
export async function lockUnownedChats(
  tx: Queryable,
  { limit, except }: { limit: number; except: readonly string[] },
): Promise<RunnableChat[]> {
  const rows = await tx.query<{ id: string; idle_ms: number }>(lockUnowned, [limit, except]);
  return rows.map(({ id, idle_ms: idleMs }) => ({ id, idleMs }));
}

/** What belongs to a locked chat outside its row. */
export interface ChatExtras {
  readonly ownerAlive: boolean;
  readonly queue: readonly {
    id: number;
    position: number;
    content: string;
    content_version: number;
    model: string;
    author: string;
  }[];
  readonly checkpoint:
    | {
        role: "assistant" | "tool";
        content: string;
        content_version: number;
        model: string | null;
        usage: string | null;
      }
    | undefined;
  /** What clients were shown of the present attempt, as it was written at intervals, in order. Empty where it was not asked for. */
  readonly deltas: readonly Uint8Array[];
}

/**
 * When to read the deltas of the present attempt, which may be large: whoever runs a chat has them in memory.
 * `if-orphaned`: only when the chat has no living owner.
 */
export type DeltasWanted = "always" | "if-orphaned" | "never";

interface ExtraRow {
  kind: "owner" | "queued" | "checkpoint" | "deltas";
  id: number | null;
  position: number | null;
  role: string | null;
  content: string | null;
  content_version: number | null;
  model: string | null;
  author: string | null;
  usage: string | null;
  deltas: Uint8Array | null;
}

const selectExtras: Statement = {
  name: "select_chat_extras",
  text: `
    select 'owner' as kind, null::bigint as id, null::bigint as position, null::text as role, null::jsonb as content,
        null::smallint as content_version, null::text as model, null::text as author, null::jsonb as usage, null::bytea as deltas
      from chats c join replicas r on r.id = c.worker_id
      where c.id = $1 and r.heartbeat_at > clock_timestamp() - $2 * interval '1 millisecond'
    union all
    select 'queued', id, position, null, content, content_version, model, author, null, null from queued_messages where chat_id = $1
    union all
    select 'checkpoint', null, null, role, content, content_version, model, null, usage, null from checkpoints where chat_id = $1
    union all
    select 'deltas', null, d.first_seq, null, null, null, null, null, null, d.deltas
      from chats c join checkpoint_deltas d on d.chat_id = c.id
        and d.history_version = c.history_version and d.generation_attempt = c.generation_attempt
      where c.id = $1 and ($3 = 'always' or ($3 = 'if-orphaned' and not exists (select 1 from replicas r
        where r.id = c.worker_id and r.heartbeat_at > clock_timestamp() - $2 * interval '1 millisecond')))
    order by position`,
};

/** May be asked for together with the lock, since it sees the chat as it is once it is locked. */
export async function readChatExtras(
  tx: Queryable,
  chatId: string,
  leaseMs: number,
  wanted: DeltasWanted,
): Promise<ChatExtras> {
  const rows = await tx.query<ExtraRow>(selectExtras, [chatId, leaseMs, wanted]);
  const checkpoint = rows.find((row) => row.kind === "checkpoint");
  return {
    ownerAlive: rows.some((row) => row.kind === "owner"),
    queue: rows
      .filter((row) => row.kind === "queued")
      .map((row) => ({
        id: row.id ?? 0,
        position: row.position ?? 0,
        content: row.content ?? "[]",
        content_version: row.content_version ?? 0,
        model: row.model ?? "",
        author: row.author ?? "",
      })),
    checkpoint:
      checkpoint === undefined
        ? undefined
        : {
            role: checkpoint.role === "tool" ? "tool" : "assistant",
            content: checkpoint.content ?? "[]",
            content_version: checkpoint.content_version ?? 0,
            model: checkpoint.model,
            usage: checkpoint.usage,
          },
    deltas: rows.flatMap((row) => row.deltas ?? []),
  };
}

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

const updateStatement: Statement = {
  name: "update_chat",
  text: `with void as (delete from checkpoint_deltas d where d.chat_id = $20 and not ($3::text in ('running', 'interrupting')
      and $5::jsonb is null and d.history_version = $12 and d.generation_attempt = $17))
    update chats c set (${machineColumns}) =
      ($1, $2, $3, $4::jsonb, $5::jsonb, $6::timestamptz, $7::jsonb, $8, $9::uuid, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19),
      title = coalesce($21, title), labels = coalesce($22::jsonb, labels), pinned = coalesce($23, pinned),
      updated_at = case when $24 then clock_timestamp() else updated_at end
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

const changeStatement: Statement = {
  name: "change_chat",
  text: `with changed as (
      update chats c set (${machineColumns}) =
        ($1, $2, $3, $4::jsonb, $5::jsonb, $6::timestamptz, $7::jsonb, $8, $9::uuid, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19),
        updated_at = case when $21 then clock_timestamp() else updated_at end
      where c.id = $20 and c.snapshot_version = $22 returning ${chatColumns}),
    void as (delete from checkpoint_deltas d using changed where d.chat_id = $20 and not ($3::text in ('running', 'interrupting')
      and $5::jsonb is null and d.history_version = $12 and d.generation_attempt = $17)),
    inserted as (
      insert into messages (chat_id, revision, content_version, id, role, content, visibility, interrupted, model, author, usage)
      select $20, $11, $23, new.id, role, content::jsonb, visibility, interrupted, new.model, author, usage::jsonb
      from changed, unnest($24::bigint[], $25::text[], $26::text[], $27::text[], $28::boolean[], $29::text[], $30::text[], $31::text[])
        as new (id, role, content, visibility, interrupted, model, author, usage)
      returning id, created_at)
    select changed.*, array(select created_at from inserted order by id) as message_times from changed`,
};

/**
 * Writes a chat, and rows of its history in ascending order of their ids, if it still has that snapshot version: what {@link updateChat} and
 * {@link insertMessages} do to one that is locked, in one statement. Returns when each message was committed, or undefined when nothing
 * was written.
 */
export async function changeChat(
  db: Queryable,
  id: string,
  options: {
    readonly snapshotVersion: number;
    readonly chat: ChatColumns;
    readonly touch: boolean;
    readonly messages: readonly MessageInsert[];
  },
): Promise<{ readonly row: ChatRow; readonly times: ReadonlyMap<number, Date> } | undefined> {
  const { snapshotVersion, chat, touch, messages } = options;
  const [row] = await db.query<ChatRow & { message_times: Date[] }>(changeStatement, [
    ...columnValues(chat),
    id,
    touch,
    snapshotVersion,
    contentVersion,
    ...messageValues(messages),
  ]);
  if (row === undefined) return undefined;
  return {
    row,
    times: new Map(messages.map((message, index) => [message.id, row.message_times[index] ?? new Date(0)])),
  };
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
