import { randomUUID } from "node:crypto";
import { systemClock } from "../../src/platform/index.js";
import { type Database, type Heartbeat, writeHeartbeat } from "../../src/store/index.js";

export interface SaidByReplica extends Partial<Heartbeat> {
  readonly clockSkewMs?: number;
  /** How long ago it said so. */
  readonly agoMs?: number;
}

/** Writes into a database what a replica would say of itself; returns its id. */
export async function beatAs(database: Database, said: SaidByReplica = {}): Promise<string> {
  const { id = randomUUID(), clockSkewMs = 0, agoMs = 0, ...others } = said;
  await writeHeartbeat(database, {
    id,
    advertisedUrl: "http://127.0.0.1:1",
    version: "0.1.0",
    capacity: 8,
    turns: 0,
    clockAt: new Date(systemClock.now().getTime() + clockSkewMs),
    ...others,
  });
  const text = `update replicas set heartbeat_at = heartbeat_at - $2 * interval '1 millisecond',
    clock_at = clock_at - $2 * interval '1 millisecond' where id = $1`;
  await database.execute({ name: "test.age_heartbeat", text }, [id, agoMs]);
  return id;
}

/** Writes a chat that should be run, as it is after its user message came that long ago. */
export async function addTurn(
  database: Database,
  { workerId, agoMs = 0 }: { workerId?: string; agoMs?: number } = {},
): Promise<string> {
  const id = randomUUID();
  const text = `insert into chats (id, owner, title, model, status, worker_id, snapshot_version, history_version, queue_version,
      retry_version, metadata_version, updated_at)
    values ($1, 'ada', '', 'scripted/default', 'running', $2, 1, 1, 1, 1, 1, clock_timestamp() - $3 * interval '1 millisecond')`;
  await database.execute({ name: "test.add_turn", text }, [id, workerId ?? null, agoMs]);
  return id;
}
