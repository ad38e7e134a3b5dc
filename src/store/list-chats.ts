import { type ChatRecord, escapeText } from "../protocol/index.js";
import { type ChatRow, chatColumns, decodeChat, toJsonb } from "./chat-rows.js";
import type { Queryable, Statement } from "./database.js";

/** Which chats to list; what is undefined or empty lets all pass. */
export interface ChatFilter {
  readonly archived?: boolean | undefined;
  readonly pinned?: boolean | undefined;
  readonly model?: string | undefined;
  readonly title?: string | undefined;
  /** Parts of the title, without regard to case; all of them. */
  readonly titleContains: readonly string[];
  readonly status?: ChatStatusName | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** Statuses as clients see them: a running chat that nobody owns is pending. */
export type ChatStatusName = "pending" | ChatRecord["status"];

/** Where the page before ended. */
export interface ChatListPosition {
  readonly pinned: boolean;
  /** Microseconds since 1970: as exact as the database is. */
  readonly updatedUs: number;
  readonly id: string;
}

const updatedAfter = "coalesce(to_timestamp(0) + $10::bigint * interval '1 microsecond', 'infinity')";

/**
 * One text for every filter; planned for each owner, because one has five chats and another fifty thousand, which must not be sorted for
 * each page. The bound of the position is always a range of chats_by_owner, so that a later page does not begin with reading those before it;
 * the first page's bound lets all pass. `is true` keeps the other condition from being taken for two ranges, of which the planner believes
 * that few are in them: it would read and sort all that are.
 */
const selectChats: Statement = {
  name: "list_chats",
  planEachTime: true,
  text: `select ${chatColumns}, (extract(epoch from c.updated_at) * 1000000)::bigint as updated_us from chats c
    where c.owner = $1
      and ($2::boolean is null or c.archived = $2)
      and ($3::boolean is null or c.pinned = $3)
      and ($4::text is null or c.model = $4)
      and ($5::text is null or c.title = $5)
      and ($6::text[] is null
        or not exists (select 1 from unnest($6) as part where strpos(lower(c.title), lower(part)) = 0))
      and ($7::text is null
        or case when c.status = 'running' and c.worker_id is null then 'pending' else c.status end = $7)
      and ($8::jsonb is null or c.labels @> $8)
      and (c.pinned, c.updated_at) <= ($9::boolean, ${updatedAfter})
      and ((c.pinned, c.updated_at) < ($9::boolean, ${updatedAfter}) or c.id > $11::uuid) is true
    order by c.pinned desc, c.updated_at desc, c.id limit $12`,
};

/** A page of an owner's chats: pinned ones first, then by update time, newest first. */
export async function listChats(
  db: Queryable,
  owner: string,
  options: { filter: ChatFilter; after: ChatListPosition | undefined; limit: number },
): Promise<{ chat: ChatRecord; position: ChatListPosition }[]> {
  const { filter, after, limit } = options;
  const { archived, pinned, model, title, titleContains, status, labels } = filter;
  const rows = await db.query<ChatRow & { updated_us: number }>(selectChats, [
    owner,
    archived ?? null,
    pinned ?? null,
    model ?? null,
    title === undefined ? null : escapeText(title),
    titleContains.length === 0 ? null : titleContains.map(escapeText),
    status ?? null,
    Object.keys(labels).length === 0 ? null : toJsonb(labels),
    after?.pinned ?? true,
    after?.updatedUs ?? null,
    after?.id ?? null,
    limit,
  ]);
  return rows.map((row) => ({
    chat: decodeChat(row),
    position: { pinned: row.pinned, updatedUs: row.updated_us, id: row.id },
  }));
}
