import { removeOldDeletions } from "./chat-list-queries.js";
import type { Database, Queryable, Statement } from "./database.js";
import { removeUnnamedFiles } from "./file-queries.js";

const upsertHeartbeat: Statement = {
  name: "upsert_heartbeat",
  text: `insert into replicas (id, advertised_url, version, capacity, turns, clock_at, heartbeat_at)
      values ($1, $2, $3, $4, $5, $6, clock_timestamp())
    on conflict (id) do update set advertised_url = excluded.advertised_url, capacity = excluded.capacity,
      turns = excluded.turns, clock_at = excluded.clock_at, heartbeat_at = excluded.heartbeat_at`,
};

/** What a replica tells of itself with each beat. */
export interface Heartbeat {
  readonly id: string;
  /** Where other replicas reach it. */
  readonly advertisedUrl: string;
  readonly version: string;
  /** How many turns it runs at once, at most. */
  readonly capacity: number;
  /** How many it runs now. */
  readonly turns: number;
  /** What its clock says. */
  readonly clockAt: Date;
}

/** Says that this replica lives. Its chats are its own for as long as this is younger than the lease. */
export async function writeHeartbeat(db: Queryable, replica: Heartbeat): Promise<void> {
  const { id, advertisedUrl, version, capacity, turns, clockAt } = replica;
  await db.execute(upsertHeartbeat, [id, advertisedUrl, version, capacity, turns, clockAt]);
}

const deleteReplica: Statement = { name: "delete_replica", text: "delete from replicas where id = $1" };

/** Says that this replica is gone: whatever it still owns is free at once. */
export async function removeReplica(db: Queryable, id: string): Promise<void> {
  await db.execute(deleteReplica, [id]);
}

const deleteOtherReplicas: Statement = {
  name: "delete_other_replicas",
  text: "delete from replicas where id <> $1",
};

/** For a database that only one process can open: every other replica is dead, whatever its heartbeat says. */
export async function removeOtherReplicas(db: Queryable, id: string): Promise<void> {
  await db.execute(deleteOtherReplicas, [id]);
}

const deleteDeadReplicas: Statement = {
  name: "delete_dead_replicas",
  text: "delete from replicas where heartbeat_at < clock_timestamp() - interval '1 day'",
};
/** By the time of the statement: what is compared with `clock_timestamp()`, which moves on meanwhile, is found by no index. */
const deleteOldKeys: Statement = {
  name: "delete_old_idempotency_keys",
  text: "delete from idempotency_keys where created_at < statement_timestamp() - interval '2 days'",
};

/**
 * Drops what nobody needs any more: replicas dead for a day, idempotency keys older than two, files that no message named in a day,
 * deletions of chats older than a week.
 */
export async function removeOutdated(db: Queryable): Promise<void> {
  await db.execute(deleteDeadReplicas);
  await db.execute(deleteOldKeys);
  await removeUnnamedFiles(db);
  await removeOldDeletions(db);
}

/**
 * Tells the planner what the tables hold. A Postgres server does that by itself, the embedded database never does: it would read a long
 * history whole for each page of it.
 */
export async function refreshStatistics(database: Database): Promise<void> {
  if (database.kind === "pglite") await database.script("analyze");
}
