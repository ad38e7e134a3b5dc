import { createHash } from "node:crypto";
import { type ChatRecord, escapeText } from "../protocol/index.js";
import { type ChatRow, chatColumns, decodeChat, toJsonb } from "./chat-rows.js";
import type { Queryable } from "./database.js";
import type { Parameter } from "./parameters.js";

/** One condition of a list; all of them have to hold. */
export type ChatCondition =
  | { readonly field: "archived" | "pinned"; readonly equals: boolean }
  | { readonly field: "model" | "title"; readonly equals: string }
  | { readonly field: "title"; readonly contains: string }
  | { readonly field: "status"; readonly equals: ChatStatusName }
  | { readonly field: "label"; readonly key: string; readonly equals: string };

/** Statuses as clients see them: a running chat that nobody owns is pending. */
export type ChatStatusName = "pending" | ChatRecord["status"];

/** Where the page before ended. */
export interface ChatListPosition {
  readonly pinned: boolean;
  /** Microseconds since 1970: as exact as the database is. */
  readonly updatedUs: number;
  readonly id: string;
}

/** A page of an owner's chats: pinned ones first, then by update time, newest first. */
export async function listChats(
  db: Queryable,
  owner: string,
  options: { conditions: readonly ChatCondition[]; after: ChatListPosition | undefined; limit: number },
): Promise<{ chat: ChatRecord; position: ChatListPosition }[]> {
  const values: Parameter[] = [owner];
  const bind = (value: Parameter): string => `$${values.push(value)}`;
  const where = ["c.owner = $1", ...options.conditions.map((condition) => conditionSql(condition, bind))];
  const { after } = options;
  if (after !== undefined) {
    const pinned = bind(after.pinned);
    const updated = `to_timestamp(0) + ${bind(after.updatedUs)}::bigint * interval '1 microsecond'`;
    const id = `${bind(after.id)}::uuid`;
    where.push(`(c.pinned, c.updated_at) <= (${pinned}, ${updated})
      and ((c.pinned, c.updated_at) < (${pinned}, ${updated}) or c.id > ${id})`);
  }
  const text = `select ${chatColumns}, (extract(epoch from c.updated_at) * 1000000)::bigint as updated_us from chats c where ${where.join(" and ")}
    order by c.pinned desc, c.updated_at desc, c.id limit ${bind(options.limit)}`;
  const name = `list_chats_${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
  const rows = await db.query<ChatRow & { updated_us: number }>({ name, text }, values);
  return rows.map((row) => ({
    chat: decodeChat(row),
    position: { pinned: row.pinned, updatedUs: row.updated_us, id: row.id },
  }));
}

function conditionSql(condition: ChatCondition, bind: (value: Parameter) => string): string {
  switch (condition.field) {
    case "archived":
    case "pinned":
      return `c.${condition.field} = ${bind(condition.equals)}`;
    case "model":
      return `c.model = ${bind(condition.equals)}`;
    case "title":
      return "equals" in condition
        ? `c.title = ${bind(escapeText(condition.equals))}`
        : `strpos(lower(c.title), lower(${bind(escapeText(condition.contains))})) > 0`;
    case "status":
      if (condition.equals === "pending") return "c.status = 'running' and c.worker_id is null";
      if (condition.equals === "running") return "c.status = 'running' and c.worker_id is not null";
      return `c.status = ${bind(condition.equals)}`;
    case "label":
      return `c.labels @> ${bind(toJsonb({ [condition.key]: condition.equals }))}::jsonb`;
    default:
      return condition satisfies never;
  }
}
