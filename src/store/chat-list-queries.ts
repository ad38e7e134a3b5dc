import type { ChatRecord } from "../protocol/index.js";
import { type ChatRow, chatColumns, decodeChat } from "./chat-rows.js";
import type { Queryable, Statement } from "./database.js";

/**
 * How far the changes of an owner's list were read. Snapshots are Postgres' text, `xmin:xmax:xip,xip…`: the transactions whose effects
 * are known. To compare transactions by visibility and not by number is what makes this exact: a transaction that commits late is
 * not in the snapshots before, and one that stays open for hours hides nothing but its own changes.
 */
export interface ChatChangesPosition {
  /** Everything in it was read. Undefined: nothing, so all chats are new, and deleted ones of no interest. */
  readonly seen: string | undefined;
  /** What is being read in more than one page: the changes in `until` that are not in `seen`, as far as the last of `after`. */
  readonly round:
    | { readonly until: string; readonly after: { readonly xid: string; readonly chatId: string } }
    | undefined;
}

/** A chat of the list that changed; undefined if it was deleted. */
export interface ChatChange {
  readonly xid: string;
  readonly chatId: string;
  readonly chat: ChatRecord | undefined;
}

export interface ChatChanges {
  /** The snapshot that this was read in. */
  readonly now: string;
  /** The position is later than the database, or deletions after it were forgotten: the list has to be read anew. */
  readonly outdated: boolean;
  /** In the order of transactions and ids, each chat at most once, as it is now. Up to the limit. */
  readonly changes: readonly ChatChange[];
}

/**
 * Changes after the position in $2 to $5. The first two lines are ranges of an index.
 *
 * What we can see was written by a transaction of our own snapshot, unless the row came with a dump of another cluster, whose numbers may
 * be ahead of ours: such a row is part of the list and not a change.
 */
function changedSince(xid: string, id: string): string {
  return `${xid} >= coalesce(pg_snapshot_xmin($2::pg_snapshot), '0'::xid8)
        and (${xid}, ${id}) > (coalesce($4::xid8, '0'::xid8), coalesce($5::uuid, '00000000-0000-0000-0000-000000000000'))
        and case when pg_visible_in_snapshot(${xid}, pg_current_snapshot())
          then ($2::pg_snapshot is null or not pg_visible_in_snapshot(${xid}, $2))
            and ($3::pg_snapshot is null or pg_visible_in_snapshot(${xid}, $3))
          else $2::pg_snapshot is null end`;
}

/** One statement, hence one snapshot: the one that it returns. */
const selectChanges: Statement = {
  name: "select_chat_list_changes",
  text: `
    with present as (
      select pg_current_snapshot() as snapshot,
        exists (select 1 from deleted_chats_horizon h where not pg_visible_in_snapshot(h.list_xid, $2::pg_snapshot)
            and pg_visible_in_snapshot(h.list_xid, pg_current_snapshot()))
          or coalesce(pg_snapshot_xmax(pg_current_snapshot())
            < greatest(pg_snapshot_xmax($2::pg_snapshot), pg_snapshot_xmax($3::pg_snapshot)), false) as outdated
    ), changed as (
      (select c.list_xid, c.id, false as deleted from chats c
        where c.owner = $1 and ${changedSince("c.list_xid", "c.id")}
        order by c.list_xid, c.id limit $6)
      union all
      (select d.list_xid, d.chat_id, true from deleted_chats d
        where d.owner = $1 and $2::pg_snapshot is not null and ${changedSince("d.list_xid", "d.chat_id")}
        order by d.list_xid, d.chat_id limit $6)
      order by list_xid, id limit $6
    )
    select present.snapshot, present.outdated, changed.list_xid::text as changed_xid, changed.id as changed_id, changed.deleted,
        ${chatColumns}
      from present left join changed on true left join chats c on c.id = changed.id and not changed.deleted
      order by changed.list_xid, changed.id`,
};

interface ChangeRow {
  readonly snapshot: string;
  readonly outdated: boolean;
  readonly changed_xid: string | null;
  readonly changed_id: string | null;
  readonly deleted: boolean | null;
}

/** The next changes of an owner's list of chats after a position. */
export async function readChatChanges(
  db: Queryable,
  owner: string,
  { seen, round }: ChatChangesPosition,
  limit: number,
): Promise<ChatChanges> {
  const rows = await db.query<ChangeRow & ChatRow>(selectChanges, [
    owner,
    seen ?? null,
    round?.until ?? null,
    round?.after.xid ?? null,
    round?.after.chatId ?? null,
    limit,
  ]);
  const changes = rows.flatMap((row): ChatChange[] =>
    row.changed_xid === null || row.changed_id === null
      ? []
      : [
          {
            xid: row.changed_xid,
            chatId: row.changed_id,
            chat: row.deleted === true ? undefined : decodeChat(row),
          },
        ],
  );
  return { now: rows[0]?.snapshot ?? "", outdated: rows[0]?.outdated ?? false, changes };
}

const selectSnapshot: Statement = {
  name: "select_snapshot",
  text: "select pg_current_snapshot() as snapshot",
};

/** A snapshot of what is committed now: where changes begin that come from now on. */
export async function readSnapshot(db: Queryable): Promise<string> {
  const [row] = await db.query<{ snapshot: string }>(selectSnapshot);
  return row?.snapshot ?? "";
}

const deleteOldDeletions: Statement = {
  name: "delete_old_chat_deletions",
  text: `
    with removed as (
      delete from deleted_chats where deleted_at < statement_timestamp() - interval '7 days' returning list_xid
    )
    update deleted_chats_horizon h set list_xid = latest.list_xid
      from (select r.list_xid from removed r where pg_visible_in_snapshot(r.list_xid, pg_current_snapshot())
        order by r.list_xid desc limit 1) latest
      where h.list_xid < latest.list_xid or not pg_visible_in_snapshot(h.list_xid, pg_current_snapshot())`,
};

/** Forgets deletions older than seven days; positions before them are outdated from then on. */
export async function removeOldDeletions(db: Queryable): Promise<void> {
  await db.execute(deleteOldDeletions);
}
