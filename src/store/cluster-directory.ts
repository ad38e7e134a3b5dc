import type { Queryable, Statement } from "./database.js";

/** A replica as it stands in the directory: one that lives, or one that died less than a day ago. */
export interface ReplicaRecord {
  readonly id: string;
  /** Where other replicas reach it; undefined: it did not say. */
  readonly advertisedUrl: string | undefined;
  readonly version: string;
  readonly startedAt: Date;
  /** How many turns it runs at once, at most; 0: none, or it is of a version that did not say. */
  readonly capacity: number;
  /** How many it ran when it last beat. */
  readonly turns: number;
  /** How long ago it last beat, by the clock of the database. */
  readonly heartbeatAgeMs: number;
  /**
   * How far its clock was ahead of the database's when it last beat: negative when it is behind. The time that the beat took on its way
   * counts as being behind. Undefined: it is of a version that did not say.
   */
  readonly clockSkewMs: number | undefined;
}

interface ReplicaRow {
  readonly id: string;
  readonly advertised_url: string;
  readonly version: string;
  readonly started_at: Date;
  readonly capacity: number;
  readonly turns: number;
  readonly heartbeat_age_ms: number;
  readonly clock_skew_ms: number | null;
}

const milliseconds = (interval: string): string => `(extract(epoch from ${interval}) * 1000)::float8`;

const replicaColumns = `r.id, r.advertised_url, r.version, r.started_at, r.capacity, r.turns,
  ${milliseconds("clock_timestamp() - r.heartbeat_at")} as heartbeat_age_ms,
  ${milliseconds("r.clock_at - r.heartbeat_at")} as clock_skew_ms`;

function decodeReplica(row: ReplicaRow): ReplicaRecord {
  return {
    id: row.id,
    advertisedUrl: row.advertised_url === "" ? undefined : row.advertised_url,
    version: row.version,
    startedAt: row.started_at,
    capacity: row.capacity,
    turns: row.turns,
    heartbeatAgeMs: Math.round(row.heartbeat_age_ms),
    clockSkewMs: row.clock_skew_ms === null ? undefined : Math.round(row.clock_skew_ms),
  };
}

const selectReplicas: Statement = {
  name: "select_replicas",
  text: `select ${replicaColumns} from replicas r order by r.started_at, r.id`,
};

/** All replicas, also dead ones that were not tidied away yet, oldest first. Which of them live is for the reader's lease to say. */
export async function listReplicas(db: Queryable): Promise<ReplicaRecord[]> {
  return (await db.query<ReplicaRow>(selectReplicas)).map(decodeReplica);
}

/** Who runs a chat, at one moment. */
export interface ChatOwnerRecord {
  readonly status: "running" | "interrupting" | "requires_action" | "waiting" | "error";
  /** Undefined: nobody. */
  readonly workerId: string | undefined;
  /** Where the worker's replica is reached; undefined: it did not say, or is gone. */
  readonly advertisedUrl: string | undefined;
  readonly snapshotVersion: number;
  /** Whether the worker's replica has beaten within the lease. */
  readonly alive: boolean;
}

const selectOwner: Statement = {
  name: "select_chat_owner",
  text: `select c.status, c.worker_id, c.snapshot_version, r.advertised_url,
      coalesce(r.heartbeat_at > clock_timestamp() - $2 * interval '1 millisecond', false) as alive
    from chats c left join replicas r on r.id = c.worker_id where c.id = $1`,
};

/** Who runs a chat, and where; undefined when there is no such chat. One statement: all of it held at once. */
export async function readOwner(
  db: Queryable,
  chatId: string,
  leaseMs: number,
): Promise<ChatOwnerRecord | undefined> {
  const [row] = await db.query<{
    status: ChatOwnerRecord["status"];
    worker_id: string | null;
    snapshot_version: number;
    advertised_url: string | null;
    alive: boolean;
  }>(selectOwner, [chatId, leaseMs]);
  if (row === undefined) return undefined;
  return {
    status: row.status,
    workerId: row.worker_id ?? undefined,
    advertisedUrl: row.advertised_url === null || row.advertised_url === "" ? undefined : row.advertised_url,
    snapshotVersion: row.snapshot_version,
    alive: row.alive,
  };
}
