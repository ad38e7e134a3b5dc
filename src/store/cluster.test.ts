import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { engines, openTestDatabase } from "../../test/kit/databases.js";
import { nextMillisecond } from "../../test/kit/next-millisecond.js";
import { systemClock, systemRandom } from "../platform/index.js";
import { listReplicas, readOwner } from "./cluster-directory.js";
import { readClusterSecret } from "./cluster-secret.js";
import { readStuckLeases } from "./cluster-stuck-leases.js";
import type { Database } from "./database.js";
import { removeReplica, writeHeartbeat } from "./replica-queries.js";

const leaseMs = 15_000;

async function beat(database: Database, given: { id?: string; turns?: number } = {}): Promise<string> {
  const { id = randomUUID(), turns = 0 } = given;
  await writeHeartbeat(database, {
    id,
    advertisedUrl: `http://${id}:7718`,
    version: "1.2.3",
    capacity: 8,
    turns,
    clockAt: systemClock.now(),
  });
  return id;
}

/** Moves what a replica last said into the past. */
async function age(database: Database, id: string, ms: number): Promise<void> {
  const text =
    "update replicas set heartbeat_at = heartbeat_at - $2 * interval '1 millisecond' where id = $1";
  await database.execute({ name: "test.age_replica", text }, [id, ms]);
}

async function addChat(
  database: Database,
  chat: { status: string; workerId?: string; snapshotVersion?: number; updatedMsAgo?: number },
): Promise<string> {
  const id = randomUUID();
  const text = `insert into chats (id, owner, title, model, status, worker_id, error, snapshot_version, history_version, queue_version,
      retry_version, metadata_version, updated_at)
    values ($1, 'ada', '', 'scripted/default', $2, $3, case when $2::text = 'error' then '{}'::jsonb end, $4, 1, 1, 1, 1,
      clock_timestamp() - $5 * interval '1 millisecond')`;
  await database.execute({ name: "test.add_chat", text }, [
    id,
    chat.status,
    chat.workerId ?? null,
    chat.snapshotVersion ?? 1,
    chat.updatedMsAgo ?? 0,
  ]);
  return id;
}

describe.each(engines)("%s", (engine) => {
  describe("the directory", () => {
    test("tells what each replica said with its last beat", async () => {
      await using opened = await openTestDatabase(engine);
      const { database } = opened;
      expect(await listReplicas(database)).toEqual([]);
      const first = await beat(database);
      await nextMillisecond();
      const second = await beat(database, { turns: 1 });
      await beat(database, { id: first, turns: 3 });
      const replicas = await listReplicas(database);
      expect(replicas).toMatchObject([
        { id: first, advertisedUrl: `http://${first}:7718`, version: "1.2.3", capacity: 8, turns: 3 },
        { id: second, turns: 1 },
      ]);
      for (const { heartbeatAgeMs, startedAt } of replicas) {
        expect(heartbeatAgeMs).toBeGreaterThanOrEqual(0);
        expect(heartbeatAgeMs).toBeLessThan(leaseMs);
        expect(startedAt).toBeInstanceOf(Date);
      }
    });

    test("a beat renews the age and what else changes, and nothing of others", async () => {
      await using opened = await openTestDatabase(engine);
      const { database } = opened;
      const [first, second] = [await beat(database), await beat(database)];
      await age(database, first, 60_000);
      await age(database, second, 60_000);
      await beat(database, { id: first });
      const ages = new Map((await listReplicas(database)).map((one) => [one.id, one.heartbeatAgeMs]));
      expect(ages.get(first)).toBeLessThan(30_000);
      expect(ages.get(second)).toBeGreaterThanOrEqual(60_000);
    });

    test("measures how far a clock is off, and knows that an older version does not say", async () => {
      await using opened = await openTestDatabase(engine);
      const { database } = opened;
      const skewed = async (byMs: number): Promise<number | undefined> => {
        const id = randomUUID();
        const clockAt = new Date(systemClock.now().getTime() + byMs);
        const about = { id, advertisedUrl: "", version: "1", capacity: 1, turns: 0 };
        await writeHeartbeat(database, { ...about, clockAt });
        return (await listReplicas(database)).find((one) => one.id === id)?.clockSkewMs;
      };
      const ahead = (await skewed(60_000)) ?? 0;
      const behind = (await skewed(-60_000)) ?? 0;
      // The beat's own way is part of it: a second is plenty.
      expect(ahead - 60_000).toBeGreaterThan(-1_000);
      expect(ahead).toBeLessThanOrEqual(60_001);
      expect(behind).toBeLessThanOrEqual(-59_999);
      expect(behind).toBeGreaterThan(-61_000);
      await database.script(`insert into replicas (id, version) values ('${randomUUID()}', 'old')`);
      const old = (await listReplicas(database)).find(({ version }) => version === "old");
      expect(old).toMatchObject({ clockSkewMs: undefined, advertisedUrl: undefined, capacity: 0, turns: 0 });
    });
  });

  describe("the owner of a chat", () => {
    test("is told with where it is reached, and whether it lives", async () => {
      await using opened = await openTestDatabase(engine);
      const { database } = opened;
      const workerId = await beat(database);
      const chatId = await addChat(database, { status: "running", workerId, snapshotVersion: 7 });
      const owner = {
        status: "running",
        workerId,
        advertisedUrl: `http://${workerId}:7718`,
        snapshotVersion: 7,
      };
      expect(await readOwner(database, chatId, leaseMs)).toEqual({ ...owner, alive: true });
      await age(database, workerId, leaseMs);
      expect(await readOwner(database, chatId, leaseMs)).toEqual({ ...owner, alive: false });
      await removeReplica(database, workerId);
      expect(await readOwner(database, chatId, leaseMs)).toEqual({
        ...owner,
        advertisedUrl: undefined,
        alive: false,
      });
    });

    test("is nobody for an idle chat and for one that waits for a worker, and undefined for none", async () => {
      await using opened = await openTestDatabase(engine);
      const { database } = opened;
      for (const status of ["waiting", "error", "running"]) {
        expect(await readOwner(database, await addChat(database, { status }), leaseMs)).toEqual({
          status,
          workerId: undefined,
          advertisedUrl: undefined,
          snapshotVersion: 1,
          alive: false,
        });
      }
      expect(await readOwner(database, randomUUID(), leaseMs)).toBeUndefined();
    });
  });

  describe("the secret of a cluster", () => {
    test("is made once, by whoever comes first, and is the same for all who race for it", async () => {
      await using opened = await openTestDatabase(engine, { poolSize: 8 });
      const { database } = opened;
      const racers = Array.from({ length: 16 }, () => readClusterSecret(database, "relay", systemRandom));
      const [secret, ...others] = [...new Set(await Promise.all(racers))];
      expect(others).toEqual([]);
      expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(await readClusterSecret(database, "relay", systemRandom)).toBe(secret);
      expect(await readClusterSecret(database, "another", systemRandom)).not.toBe(secret);
    });
  });

  describe("stuck leases", () => {
    const patienceMs = 30_000;
    const read = (database: Database, limit = 100) =>
      readStuckLeases(database, { leaseMs, patienceMs, limit });

    test("are turns that nobody alive has had for longer than somebody should have needed to take them", async () => {
      await using opened = await openTestDatabase(engine);
      const { database } = opened;
      const [dead, gone] = [await beat(database), randomUUID()];
      await age(database, dead, leaseMs + 90_000);
      const long = { updatedMsAgo: 60_000 };
      const unowned = await addChat(database, { status: "running", ...long });
      const ofDead = await addChat(database, { status: "interrupting", workerId: dead, snapshotVersion: 5 });
      const ofGone = await addChat(database, { status: "running", workerId: gone, updatedMsAgo: 45_000 });
      expect(await read(database)).toEqual([
        { chatId: ofDead, kind: "owner_dead", snapshotVersion: 5, stuckMs: expect.any(Number) as number },
        { chatId: unowned, kind: "unowned", snapshotVersion: 1, stuckMs: expect.any(Number) as number },
        { chatId: ofGone, kind: "owner_gone", snapshotVersion: 1, stuckMs: expect.any(Number) as number },
      ]);
      const [first] = await read(database, 1);
      expect(first?.stuckMs).toBeGreaterThanOrEqual(90_000);
      expect(await read(database, 2)).toHaveLength(2);
    });

    test("are no turns that somebody runs, that were free only for a moment, and no idle chats", async () => {
      await using opened = await openTestDatabase(engine);
      const { database } = opened;
      const [living, late] = [await beat(database), await beat(database)];
      await age(database, late, leaseMs + 10_000);
      const long = { updatedMsAgo: 60 * 60_000 };
      await addChat(database, { status: "running", workerId: living, ...long });
      await addChat(database, { status: "running", workerId: late, ...long });
      await addChat(database, { status: "running", updatedMsAgo: 1_000 });
      for (const status of ["waiting", "error", "requires_action"])
        await addChat(database, { status, ...long });
      expect(await read(database)).toEqual([]);
    });
  });
});
