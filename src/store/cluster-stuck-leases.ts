import type { Queryable, Statement } from "./database.js";

/** A chat that should be run, and that nobody alive has. */
export interface StuckLease {
  readonly chatId: string;
  /**
   * `unowned`: nobody took it. `owner_dead`: its owner beats no more, and nobody took it over. `owner_gone`: likewise, and the directory
   * does not know the owner any more.
   */
  readonly kind: "unowned" | "owner_dead" | "owner_gone";
  /** Whoever looks again and finds the same one has seen that nothing happened. */
  readonly snapshotVersion: number;
  /** For how long it could have been taken, as far as can be told: a lower bound for `owner_dead`, otherwise an upper one. */
  readonly stuckMs: number;
}

const selectStuck: Statement = {
  name: "select_stuck_leases",
  text: `select id, kind, snapshot_version, (extract(epoch from clock_timestamp() - free_since) * 1000)::float8 as stuck_ms
    from (select c.id, c.snapshot_version,
        case when c.worker_id is null then 'unowned' when r.id is null then 'owner_gone' else 'owner_dead' end as kind,
        coalesce(r.heartbeat_at + $1 * interval '1 millisecond', c.updated_at) as free_since
      from chats c left join replicas r on r.id = c.worker_id
      where c.status in ('running', 'interrupting')) as turn
    where free_since < clock_timestamp() - $2 * interval '1 millisecond'
    order by free_since limit $3`,
};

/**
 * Chats that a worker could have acquired for longer than `patienceMs` and none did, the longest first. A chat that was handed over just now
 * can be among them, since nothing says when that was: one that is there again a moment later is stuck.
 */
export async function readStuckLeases(
  db: Queryable,
  { leaseMs, patienceMs, limit }: { leaseMs: number; patienceMs: number; limit: number },
): Promise<StuckLease[]> {
  const rows = await db.query<{
    id: string;
    kind: StuckLease["kind"];
    snapshot_version: number;
    stuck_ms: number;
  }>(selectStuck, [leaseMs, patienceMs, limit]);
  return rows.map((row) => ({
    chatId: row.id,
    kind: row.kind,
    snapshotVersion: row.snapshot_version,
    stuckMs: Math.round(row.stuck_ms),
  }));
}
