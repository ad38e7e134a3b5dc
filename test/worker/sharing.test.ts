import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/platform/index.js";
import { type Database, writeHeartbeat } from "../../src/store/index.js";
import { engines, openTestDatabase } from "../kit/databases.js";
import { nextMillisecond } from "../kit/next-millisecond.js";
import { createChat, startWorkers } from "./workers.js";

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

async function beat(database: Database, id: string): Promise<void> {
  const clockAt = systemClock.now();
  await writeHeartbeat(database, {
    id,
    advertisedUrl: "",
    version: "test",
    capacity: 100,
    turns: 0,
    clockAt,
  });
}

describe("three workers", { timeout: 60_000 }, () => {
  it("share chats that come one by one, although one of them always hears of them first", async () => {
    await using opened = await openTestDatabase("postgres");
    // Of so few each chat weighs enough to give way to the others.
    await using workers = await startWorkers({ ...opened, capacities: [25, 25, 25] });
    for (const index of range(45)) {
      await workers.newChat();
      await workers.allOwned(index + 1);
    }
    expect(Math.min(...(await workers.owned()))).toBeGreaterThan(2);
  });

  it("share a burst", async () => {
    await using opened = await openTestDatabase("postgres");
    await using workers = await startWorkers({ ...opened, capacities: [100, 100, 100] });
    await Promise.all(range(200).map(() => workers.newChat()));
    await workers.allOwned(200);
    expect(Math.min(...(await workers.owned()))).toBeGreaterThan(30);
  });

  it("take no more than they can", async () => {
    await using opened = await openTestDatabase("postgres");
    await using workers = await startWorkers({ ...opened, capacities: [5, 0, 12] });
    await Promise.all(range(30).map(() => workers.newChat()));
    await workers.allOwned(17);
    expect(await workers.owned()).toEqual([5, 0, 12]);
  });

  it("take the chats of a dead one over when its lease runs out, without a poll, and share them (OWN-2)", async () => {
    await using opened = await openTestDatabase("postgres");
    const { database } = opened;
    const leaseMs = 3_000;
    const dead = randomUUID();
    await beat(database, dead);
    const before = await startWorkers({ database, capacities: [0], leaseMs });
    await Promise.all(range(30).map(() => before.newChat()));
    await before.chats.acquire(dead, 30, []);
    await before[Symbol.asyncDispose]();
    await beat(database, dead);
    await using workers = await startWorkers({ database, capacities: [100, 100, 100], leaseMs });
    await beat(database, dead);
    const diedMs = systemClock.monotonicMs();
    expect(await workers.owned()).toEqual([0, 0, 0]);
    await workers.allOwned(30);
    const tookMs = systemClock.monotonicMs() - diedMs;
    expect(tookMs).toBeGreaterThan(leaseMs - 100);
    expect(tookMs).toBeLessThan(leaseMs + 2_000);
    expect(Math.max(...(await workers.owned()))).toBeLessThan(30);
  });
});

it.each(engines)(
  "on %s work is acquired by the age of its last message, also after a release or the death of its owner",
  { timeout: 60_000 },
  async (engine) => {
    await using opened = await openTestDatabase(engine);
    await using workers = await startWorkers({ ...opened, capacities: [0], leaseMs: 60_000 });
    const { chats } = workers;
    const ids: string[] = [];
    for (const _ of range(4)) {
      ids.push(await createChat(chats));
      await nextMillisecond();
    }
    const [first = "", second = "", third, fourth] = ids;
    const living = randomUUID();
    await beat(opened.database, living);
    // This one has no heartbeat: what it acquires belongs to nobody.
    const [orphan] = await chats.acquire(randomUUID(), 1, []);
    expect(orphan?.chat.id).toBe(first);
    const [, released] = await chats.acquire(living, 2, []);
    expect(released?.chat.id).toBe(second);
    const fence = { workerId: living, leaseEpoch: released?.state?.leaseEpoch ?? 0 };
    await chats.work(second, { type: "Release", fence });
    const acquired = await chats.acquire(living, 10, [first]);
    expect(acquired.map(({ chat }) => chat.id)).toEqual([second, third, fourth]);
  },
);
