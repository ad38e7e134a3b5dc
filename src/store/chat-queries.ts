import {
  type ChatRecord,
  type CheckpointDelta,
  decodeCheckpoint,
  type MessageRecord,
  type QueuedRecord,
} from "../protocol/index.js";
import {
  type ChatRow,
  chatColumns,
  decodeChat,
  decodeMessage,
  decodeQueued,
  type MessageRow,
  messageColumns,
} from "./chat-rows.js";
import type { Database, Queryable, Statement } from "./database.js";

/** Whose chats a statement may touch: an owner's, or (undefined) everybody's. Every statement on behalf of a caller takes one. */
export type Owner = string | undefined;

const selectChat: Statement = {
  name: "select_chat",
  text: `select ${chatColumns} from chats c where c.id = $1 and ($2::text is null or c.owner = $2)`,
};

export async function readChat(db: Queryable, chatId: string, owner: Owner): Promise<ChatRecord | undefined> {
  const [row] = await db.query<ChatRow>(selectChat, [chatId, owner ?? null]);
  return row === undefined ? undefined : decodeChat(row);
}

const selectMessages: Statement = {
  name: "select_messages",
  text: `select ${messageColumns} from messages m join chats c on c.id = m.chat_id
    where m.chat_id = $1 and ($2::text is null or c.owner = $2) and m.id > $3 and m.hidden_at is null and m.visibility <> 'model'
    order by m.id limit $4`,
};

/** How many rows are read at first, when nothing is known of their size yet; each may be large. */
const firstRows = 16;

/**
 * Messages that clients may see, oldest first: up to `limit`, and no more than fit into `maxBytes` of stored content, but at least
 * one. `more` when there are others after them.
 */
export async function readMessages(
  db: Database,
  chatId: string,
  owner: Owner,
  page: { afterId: number; limit: number; maxBytes: number },
): Promise<{ messages: MessageRecord[]; more: boolean }> {
  const { limit, maxBytes } = page;
  return db.transaction(
    async (tx) => {
      const messages: MessageRecord[] = [];
      let { afterId } = page;
      let bytes = 0;
      for (let count = firstRows; ; count *= 2) {
        const wanted = Math.min(count, limit + 1 - messages.length);
        const rows = await tx.query<MessageRow>(selectMessages, [chatId, owner ?? null, afterId, wanted]);
        for (const row of rows) {
          bytes += Buffer.byteLength(row.content ?? "");
          if (messages.length === limit || (messages.length > 0 && bytes > maxBytes)) {
            return { messages, more: true };
          }
          messages.push(decodeMessage(row));
          afterId = row.id;
        }
        if (rows.length < wanted) return { messages, more: false };
      }
    },
    { readOnly: true, isolation: "repeatable read", beginsWithReads: true },
  );
}

const selectHistory: Statement = {
  name: "select_history",
  text: `select ${messageColumns} from messages m
    where m.chat_id = $1 and m.hidden_at is null and m.visibility <> 'user' order by m.id`,
};

/** Messages that the model may see, oldest first. For workers. */
export async function readHistory(db: Queryable, chatId: string): Promise<MessageRecord[]> {
  const rows = await db.query<MessageRow>(selectHistory, [chatId]);
  return rows.map(decodeMessage);
}

/** A chat with what changed in it, read in one cut: one statement sees one snapshot. */
export interface ChatViewRecord {
  readonly chat: ChatRecord;
  /** The history was rewritten after `resetSinceVersion`; `messages` begins with the first of all. */
  readonly reset: boolean;
  readonly messages: readonly MessageRecord[];
  /** There are others after them. */
  readonly more: boolean;
  readonly queue: readonly QueuedRecord[];
  /**
   * What was checkpointed of the present attempt: from seq 1 on without gap or repeat. Empty where there is nothing, or where it was not
   * asked for.
   */
  readonly checkpoint: readonly CheckpointDelta[];
}

export interface ChatViewOptions {
  /** Only messages that were written after this snapshot version; 0 for all. */
  readonly sinceVersion: number;
  /** Only messages with a greater id; 0 for all. */
  readonly afterMessageId: number;
  /** Whether a rewritten history counts: only after this snapshot version; 0 for never. */
  readonly resetSinceVersion: number;
  /** Whether to read the checkpoint: for a chat whose running step is generated elsewhere, or by nobody. Default: no. */
  readonly withCheckpoint?: boolean;
}

/** A page of messages: at most so many, and no more than fit into so many bytes of content, but at least one. */
const pageRows = 256;
const pageBytes = 1024 * 1024;

/**
 * Rows are never revised in place, so that their order by revision is their order by id: either may be read along its index.
 *
 * The database compresses content, repetitive content a hundredfold, so it is the text of a row that counts. Only rows that would fit as they
 * are stored are unpacked in order to see.
 */
const viewStatement = (name: string, order: string): Statement => ({
  name,
  text: `select ${chatColumns}, r.reset, page.messages, page.more,
      (select coalesce(json_agg(json_build_array(q.id, q.content::text, q.content_version, q.model, q.author,
          extract(epoch from q.created_at) * 1000) order by q.position), '[]')
        from queued_messages q where q.chat_id = c.id) as queue,
      (select array_agg(d.deltas order by d.first_seq) from checkpoint_deltas d
        where $6 and d.chat_id = c.id and d.history_version = c.history_version
          and d.generation_attempt = c.generation_attempt) as checkpoint
    from chats c
    cross join lateral (select $5::bigint > 0 and c.reset_version > $5 as reset) r
    cross join lateral (
      select coalesce(json_agg(json_build_array(m.id, m.revision, m.role, m.content::text, m.content_version, m.visibility,
          m.interrupted, m.model, m.author, m.usage::text, extract(epoch from m.created_at) * 1000) order by m.id)
          filter (where m.fits), '[]') as messages,
        coalesce(bool_or(not m.fits), false) as more
      from (
        select m.*, m.number = 1 or (m.fits_stored
            and coalesce(sum(case when m.fits_stored then octet_length(m.content::text) end) over w, 0) <= ${pageBytes}) as fits
        from (
          select m.*, row_number() over w as number,
            row_number() over w <= ${pageRows} and coalesce(sum(pg_column_size(m.content)) over w, 0) <= ${pageBytes} as fits_stored
          from (
            select m.id, m.revision, m.role, m.content, m.content_version, m.visibility, m.interrupted, m.model, m.author, m.usage,
              m.created_at
            from messages m
            where m.chat_id = c.id and m.hidden_at is null and m.visibility <> 'model'
              and m.revision > case when r.reset then 0 else $3::bigint end
              and m.id > case when r.reset then 0 else $4::bigint end
            order by ${order} limit ${pageRows + 1}
          ) m window w as (order by m.id)
        ) m window w as (order by m.id)
      ) m
    ) page
    where c.id = $1 and ($2::text is null or c.owner = $2)`,
});

const selectView = viewStatement("select_chat_view", "m.id");
const selectChanges = viewStatement("select_chat_changes", "m.revision, m.id");

interface ViewRow extends ChatRow {
  readonly reset: boolean;
  readonly messages: string;
  readonly more: boolean;
  readonly queue: string;
  readonly checkpoint: readonly Uint8Array[] | null;
}

type MessageTuple = [
  number,
  number,
  MessageRow["role"],
  string | null,
  number,
  MessageRow["visibility"],
  boolean,
  string | null,
  string | null,
  string | null,
  number,
];
type QueuedTuple = [number, string | null, number, string, string, number];

export async function readChatView(
  db: Queryable,
  chatId: string,
  owner: Owner,
  options: ChatViewOptions,
): Promise<ChatViewRecord | undefined> {
  const { sinceVersion, afterMessageId, resetSinceVersion, withCheckpoint = false } = options;
  const [row] = await db.query<ViewRow>(sinceVersion === 0 ? selectView : selectChanges, [
    chatId,
    owner ?? null,
    sinceVersion,
    afterMessageId,
    resetSinceVersion,
    withCheckpoint,
  ]);
  if (row === undefined) return undefined;
  const messages = (JSON.parse(row.messages) as MessageTuple[]).map(
    ([
      id,
      revision,
      role,
      content,
      content_version,
      visibility,
      interrupted,
      model,
      author,
      usage,
      createdMs,
    ]) =>
      decodeMessage({
        id,
        revision,
        role,
        content,
        content_version,
        visibility,
        interrupted,
        model,
        author,
        usage,
        created_at: new Date(createdMs),
      }),
  );
  const queue = (JSON.parse(row.queue) as QueuedTuple[]).map(
    ([id, content, content_version, model, author, createdMs]) =>
      decodeQueued({ id, content, content_version, model, author, created_at: new Date(createdMs) }),
  );
  return {
    chat: decodeChat(row),
    reset: row.reset,
    messages,
    more: row.more,
    queue,
    checkpoint: decodeCheckpoint(row.checkpoint ?? []),
  };
}
