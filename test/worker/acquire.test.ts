import { randomUUID } from "node:crypto";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { Chats } from "../../src/chat/index.js";
import { systemClock } from "../../src/platform/index.js";
import { type Database, writeHeartbeat } from "../../src/store/index.js";
import { engines, methodsOf, openTestDatabase } from "../kit/databases.js";
import { until } from "../kit/until.js";
import { createChat, startWorkers } from "./workers.js";

/** Another client of the database, which can stand in the way. */
async function openBlocker(
  url: string | undefined,
): Promise<AsyncDisposable & { run(sql: string): Promise<void> }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return {
    run: async (sql) => {
      await client.query(sql);
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}

describe.each(engines)("on %s a chat that cannot be read", { timeout: 120_000 }, (engine) => {
  it("keeps no other from being acquired, and is told of once", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const told: string[] = [];
    const chats = new Chats({
      database,
      leaseMs: 60_000,
      publish: () => undefined,
      onUnreadable: (chatId) => void told.push(chatId),
    });
    const broken = await createChat(chats);
    await database.script(`update chats set created_at = 'infinity' where id = '${broken}'`);
    const [second, third] = [await createChat(chats), await createChat(chats)];
    const workerId = randomUUID();
    const load = { capacity: 10, turns: 0, clockAt: systemClock.now() };
    await writeHeartbeat(database, { id: workerId, advertisedUrl: "", version: "test", ...load });
    const one = await chats.acquire(workerId, 1, []);
    expect(one.map(({ chat }) => chat.id)).toEqual([second]);
    const others = await chats.acquire(workerId, 10, [second]);
    expect(others.map(({ chat }) => chat.id)).toEqual([third]);
    expect(told).toEqual([broken]);
  });
});

describe("a worker", { timeout: 60_000 }, () => {
  it("comes back to a chat that somebody held when it looked, although nobody says that it is free again", async () => {
    await using opened = await openTestDatabase("postgres");
    await using workers = await startWorkers({ ...opened, capacities: [10] });
    await using blocker = await openBlocker(opened.url);
    const unheard = new Chats({ ...opened, leaseMs: 60_000, publish: () => undefined });
    const held = await createChat(unheard);
    await blocker.run(`begin; select id from chats where id = '${held}' for update`);
    await workers.newChat();
    await workers.allOwned(1);
    await blocker.run("rollback");
    await workers.allOwned(2);
  });

  it("runs a chat that it got without hearing of it, however much news there is of other work", async () => {
    await using opened = await openTestDatabase("postgres");
    let isLost = false;
    const losing: Database = {
      ...methodsOf(opened.database),
      transaction: async (work, options) => {
        const done = await opened.database.transaction(work, options);
        const { result } = done as { result?: { acquired?: readonly unknown[] } };
        if (isLost || (result?.acquired?.length ?? 0) === 0) return done;
        isLost = true;
        throw new Error("the answer to the acquire got lost");
      },
    };
    await using workers = await startWorkers({ database: losing, capacities: [1_000] });
    const lost = await workers.newChat();
    await until(() => isLost, { what: "the answer that gets lost" });
    const statement = { name: "test_epoch", text: "select lease_epoch as epoch from chats where id = $1" };
    await until(
      async () => {
        await workers.newChat();
        const [row] = await opened.database.query<{ epoch: number }>(statement, [lost]);
        return row?.epoch === 2;
      },
      { what: "the chat to be acquired anew" },
    );
  });

  it("runs nothing that it got after its last heartbeat had become too old, until it beats again", async () => {
    const leaseMs = 900;
    await using opened = await openTestDatabase("postgres");
    const { database, url } = opened;
    await using workers = await startWorkers({ database, capacities: [10], leaseMs });
    await using beats = await openBlocker(url);
    await using reads = await openBlocker(url);
    const chat = async (): Promise<
      { worker_id: string | null; lease_epoch: number; attempt: number } | undefined
    > => {
      const text =
        "select worker_id, lease_epoch, generation_attempt as attempt from chats where status = 'running'";
      const [row] = await database.query<{ worker_id: string | null; lease_epoch: number; attempt: number }>({
        name: "test_chat",
        text,
      });
      return row;
    };
    await beats.run("begin; update replicas set version = version");
    await reads.run("begin; lock table checkpoints in access exclusive mode");
    await workers.newChat();
    const old = {
      name: "test_old_beats",
      text: "select 1 from replicas where heartbeat_at < clock_timestamp() - $1 * interval '1 millisecond'",
    };
    await until(async () => (await database.query(old, [leaseMs])).length, {
      what: "a heartbeat beyond the lease",
    });
    await reads.run("rollback");
    await until(async () => (await chat())?.worker_id, { what: "the answer to the acquire" });
    expect(await chat()).toMatchObject({ lease_epoch: 1, attempt: 0 });
    await beats.run("rollback");
    await until(async () => (await chat())?.attempt, { what: "the turn" });
    expect(await chat()).toMatchObject({ lease_epoch: 2, attempt: 1 });
  });
});
