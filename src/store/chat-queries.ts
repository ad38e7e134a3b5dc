import type { ChatRecord, MessageRecord, QueuedRecord } from "../protocol/index.js";
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
    { readOnly: true, isolation: "repeatable read" },
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
  /** The history was rewritten after `sinceVersion`; `messages` is all of it. */
  readonly reset: boolean;
  readonly messages: readonly MessageRecord[];
  readonly queue: readonly QueuedRecord[];
}

const selectView: Statement = {
  name: "select_chat_view",
  text: `select ${chatColumns},
      (select coalesce(json_agg(json_build_array(m.id, m.revision, m.role, m.content::text, m.content_version, m.visibility,
          m.interrupted, m.model, m.author, m.usage::text, extract(epoch from m.created_at) * 1000) order by m.id), '[]')
        from messages m
        where m.chat_id = c.id and m.hidden_at is null and m.visibility <> 'model'
          and case when $3::bigint > 0 and c.reset_version > $3 then true else m.revision > $3 and m.id > $4 end) as messages,
      (select coalesce(json_agg(json_build_array(q.id, q.content::text, q.content_version, q.model, q.author,
          extract(epoch from q.created_at) * 1000) order by q.position), '[]')
        from queued_messages q where q.chat_id = c.id) as queue
    from chats c where c.id = $1 and ($2::text is null or c.owner = $2)`,
};

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
  options: { sinceVersion: number; afterMessageId: number },
): Promise<ChatViewRecord | undefined> {
  const { sinceVersion, afterMessageId } = options;
  const [row] = await db.query<ChatRow & { messages: string; queue: string }>(selectView, [
    chatId,
    owner ?? null,
    sinceVersion,
    afterMessageId,
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
    reset: sinceVersion > 0 && row.reset_version > sinceVersion,
    messages,
    queue,
  };
}
