import type { Usage, Visibility } from "../protocol/index.js";
import type { Queryable, Statement } from "./database.js";

/** A row of `messages` as some system stored it. Its content is not looked at: that is for whoever reads it. */
export interface RawMessage {
  readonly id: number;
  /** Any text: a role that we do not know is kept. */
  readonly role: string;
  /** The text for the jsonb column. */
  readonly content: string | undefined;
  readonly contentVersion: number;
  readonly visibility: Visibility;
  readonly compressed: boolean;
  /** When it left the conversation. */
  readonly hiddenAt: Date | undefined;
  readonly interrupted: boolean;
  readonly model: string | undefined;
  readonly author: string | undefined;
  readonly usage: Usage | undefined;
  /** Undefined: now. */
  readonly createdAt: Date | undefined;
}

const insertStatement: Statement = {
  name: "insert_raw_messages",
  text: `insert into messages (chat_id, revision, id, role, content, content_version, visibility, compressed, hidden_at,
      interrupted, model, author, usage, created_at)
    select $1, $2, id, role, content::jsonb, content_version, visibility, compressed, hidden_at, interrupted, model, author,
      usage::jsonb, coalesce(created_at, now())
    from unnest($3::bigint[], $4::text[], $5::text[], $6::smallint[], $7::text[], $8::boolean[], $9::timestamptz[],
        $10::boolean[], $11::text[], $12::text[], $13::text[], $14::timestamptz[])
      as new (id, role, content, content_version, visibility, compressed, hidden_at, interrupted, model, author, usage, created_at)`,
};

/** @throws DatabaseError of class 22 or 54 when a content is not what jsonb can hold */
export async function insertRawMessages(
  tx: Queryable,
  chatId: string,
  revision: number,
  rows: readonly RawMessage[],
): Promise<void> {
  await tx.execute(insertStatement, [
    chatId,
    revision,
    rows.map((row) => row.id),
    rows.map((row) => row.role),
    rows.map((row) => row.content ?? null),
    rows.map((row) => row.contentVersion),
    rows.map((row) => row.visibility),
    rows.map((row) => row.compressed),
    rows.map((row) => row.hiddenAt ?? null),
    rows.map((row) => row.interrupted),
    rows.map((row) => row.model ?? null),
    rows.map((row) => row.author ?? null),
    rows.map((row) => (row.usage === undefined ? null : JSON.stringify(row.usage))),
    rows.map((row) => row.createdAt ?? null),
  ]);
}
