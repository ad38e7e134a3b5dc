import { type ChatRecord, isUuid } from "../protocol/index.js";
import type { ChatRow } from "./chat-rows.js";
import type { Queryable, Statement } from "./database.js";

/** What a chat is at: what a notification says of it. */
export type ChatHead = Pick<
  ChatRecord,
  | "id"
  | "status"
  | "workerId"
  | "snapshotVersion"
  | "historyVersion"
  | "queueVersion"
  | "retryVersion"
  | "generationAttempt"
>;

type HeadRow = Pick<
  ChatRow,
  | "id"
  | "status"
  | "worker_id"
  | "snapshot_version"
  | "history_version"
  | "queue_version"
  | "retry_version"
  | "generation_attempt"
>;

const selectChatHeads: Statement = {
  name: "select_chat_heads",
  text: `select c.id, c.status, c.worker_id, c.snapshot_version, c.history_version, c.queue_version, c.retry_version, c.generation_attempt
    from chats c where c.id = any($1::uuid[])`,
};

/**
 * What these chats are at, whoever owns them: for the replica itself. One statement; in no particular order, and without those that do not
 * exist.
 */
export async function readChatHeads(db: Queryable, chatIds: readonly string[]): Promise<ChatHead[]> {
  const rows = await db.query<HeadRow>(selectChatHeads, [chatIds.filter(isUuid)]);
  return rows.map((row) => ({
    id: row.id,
    status: row.status,
    workerId: row.worker_id ?? undefined,
    snapshotVersion: row.snapshot_version,
    historyVersion: row.history_version,
    queueVersion: row.queue_version,
    retryVersion: row.retry_version,
    generationAttempt: row.generation_attempt,
  }));
}
