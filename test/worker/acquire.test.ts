import { randomUUID } from "node:crypto";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { Chats } from "../../src/chat/index.js";
import { systemClock } from "../../src/platform/index.js";
import { type Database, openPostgres, readChat, writeHeartbeat } from "../../src/store/index.js";
import { engines, methodsOf, openTestDatabase } from "../kit/databases.js";
import { openStatementTap } from "../kit/statement-tap.js";
import { until } from "../kit/until.js";
import { createChat, startWorkers, type TestWorkers } from "./workers.js";

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

async function readEpoch(database: Database, chatId: string): Promise<number | undefined> {
  const statement = { name: "test_epoch", text: "select lease_epoch as epoch from chats where id = $1" };
  return (await database.query<{ epoch: number }>(statement, [chatId]))[0]?.epoch;
}

async function readAttempt(database: Database, chatId: string): Promise<number | undefined> {
  const text = "select generation_attempt as attempt from chats where id = $1";
  return (await database.query<{ attempt: number }>({ name: "test_attempt", text }, [chatId]))[0]?.attempt;
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
    await createChat(workers.elsewhere);
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
    const lost = await createChat(workers.elsewhere);
    await until(() => isLost, { what: "the answer that gets lost" });
    await until(
      async () => {
        await workers.newChat();
        return (await readEpoch(opened.database, lost)) === 2;
      },
      { what: "the chat to be acquired anew" },
    );
  });

  it("takes what a client of its replica leaves with the same commit, and begins, and others do not hear of it", async () => {
    await using opened = await openTestDatabase("postgres");
    await using tap = await openStatementTap(opened.url ?? "");
    await using database = openPostgres({ url: tap.url });
    await using workers = await startWorkers({ database, capacities: [10, 10] });
    const called = workers.calledFromAfar();
    tap.reset();
    const chatId = await workers.newChat();
    expect(await readAttempt(opened.database, chatId)).toBe(1);
    const { change_chat: changes, lock_unowned_chats: unowned, lock_runnable_chats: runnable } = tap.counts();
    expect([changes, unowned, runnable]).toEqual([undefined, undefined, undefined]);
    expect([await workers.owned(), workers.calledFromAfar() - called]).toEqual([[1, 0], 0]);
  });

  it("leaves to the others what it does not take, and they hear of it", async () => {
    await using opened = await openTestDatabase("postgres");
    await using workers = await startWorkers({ ...opened, capacities: [0, 10] });
    const called = workers.calledFromAfar();
    await workers.newChat();
    await workers.allOwned(1);
    expect([await workers.owned(), workers.calledFromAfar() - called]).toEqual([[0, 1], 1]);
  });

  it("acquires anew what it took, when the answer to that got lost", async () => {
    await using opened = await openTestDatabase("postgres");
    let isLost = false;
    const losing: Database = {
      ...methodsOf(opened.database),
      transaction: async (work, options) => {
        const done = await opened.database.transaction(work, options);
        const { notify } = done as { notify?: readonly unknown[] };
        if (isLost || (notify?.length ?? 0) === 0) return done;
        isLost = true;
        throw new Error("the answer to the commit got lost");
      },
    };
    await using workers = await startWorkers({ database: losing, capacities: [10] });
    await expect(workers.newChat()).rejects.toThrow("the answer to the commit got lost");
    const epochs = { name: "test_epochs", text: "select id from chats where lease_epoch = 2" };
    await until(async () => (await opened.database.query(epochs)).length, {
      what: "the chat to be acquired anew",
    });
    expect(isLost).toBe(true);
  });

  it("goes on with the newest lease of a chat, whatever comes to it late or not at all", async () => {
    await using opened = await openTestDatabase("postgres");
    await using workers = await startWorkers({ ...opened, capacities: [10] });
    const { chats, elsewhere } = workers;
    /** Only who runs it can do that. */
    const interrupt = async (chatId: string): Promise<void> => {
      await chats.request({ chatId, owner: "alice" }, { type: "Interrupt" }, () => undefined);
      await until(async () => (await chats.readState(chatId))?.phase.status === "waiting", {
        what: "the interrupt to be carried out",
      });
    };
    const late = await workers.newChat();
    const [chat, state] = [await readChat(opened.database, late, "alice"), await chats.readState(late)];
    if (chat === undefined || state === undefined) throw new Error("the chat is gone");
    const place = await until(() => workers.reserve(late), { what: "a place" });
    const common = { messages: [], queued: undefined, takenOver: false, waitedMs: undefined, begun: true };
    place.run({ ...common, chat, state: { ...state, leaseEpoch: state.leaseEpoch - 1 } });
    await interrupt(late);

    const lost = await workers.newChat();
    const { phase } = (await chats.readState(lost)) ?? {};
    const owner = phase?.status === "running" ? phase.owner?.workerId : undefined;
    expect(await elsewhere.acquire(owner ?? "", 1, [])).toHaveLength(1);
    await interrupt(lost);
  });

  it("has no more places than it may run turns, and stops when none is left that it gave away", async () => {
    await using opened = await openTestDatabase("postgres");
    const workers = await startWorkers({ ...opened, capacities: [2] });
    const [first, second] = [workers.reserve(randomUUID()), workers.reserve(randomUUID())];
    expect([first, second, workers.reserve(randomUUID())]).toEqual([
      expect.anything(),
      expect.anything(),
      undefined,
    ]);
    second?.[Symbol.dispose]();
    // That may have been taken: it is looked for first.
    const third = await until(() => workers.reserve(randomUUID()), { what: "a place" });
    const happened: string[] = [];
    const stopped = workers[Symbol.asyncDispose]().then(() => happened.push("stopped"));
    expect(workers.reserve(randomUUID())).toBeUndefined();
    for (const place of [first, third]) {
      await workers.owned();
      happened.push("left");
      place?.[Symbol.dispose]();
    }
    await stopped;
    expect(happened).toEqual(["left", "left", "stopped"]);
  });

  it("runs the older ones first when it has had no room, whoever left them", async () => {
    await using opened = await openTestDatabase("postgres");
    const { database } = opened;
    await using workers = await startWorkers({ ...opened, capacities: [1] });
    const running = await workers.newChat();
    await workers.allOwned(1);
    const older = await createChat(workers.elsewhere);
    const younger = await workers.newChat();
    await workers.chats.request({ chatId: running, owner: "alice" }, { type: "Interrupt" }, () => undefined);
    await until(async () => (await readEpoch(database, older)) === 1, { what: "the older one" });
    expect(await readEpoch(database, younger)).toBe(0);
  });

  it.each([
    {
      which: "found",
      needs: "checkpoints",
      leave: (workers: TestWorkers) => createChat(workers.elsewhere),
      attempt: 0,
    },
    {
      which: "took",
      needs: "messages",
      leave: (workers: TestWorkers) => workers.newChat(),
      attempt: 1,
    },
  ])(
    "runs nothing that it $which and got after its last heartbeat had become too old, until it beats again",
    async ({ needs, leave, attempt }) => {
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
        const [row] = await database.query<{
          worker_id: string | null;
          lease_epoch: number;
          attempt: number;
        }>({
          name: "test_chat",
          text,
        });
        return row;
      };
      await beats.run("begin; update replicas set version = version");
      await reads.run(`begin; lock table ${needs} in access exclusive mode`);
      const left = leave(workers);
      const old = {
        name: "test_old_beats",
        text: "select 1 from replicas where heartbeat_at < clock_timestamp() - $1 * interval '1 millisecond'",
      };
      await until(async () => (await database.query(old, [leaseMs])).length, {
        what: "a heartbeat beyond the lease",
      });
      await reads.run("rollback");
      await left;
      await until(async () => (await chat())?.worker_id, { what: "the answer to the acquire" });
      expect(await chat()).toMatchObject({ lease_epoch: 1, attempt });
      await beats.run("rollback");
      // Nobody acquires what runs.
      await until(async () => (await chat())?.attempt === attempt + 1, { what: "the turn" });
      expect(await chat()).toMatchObject({ lease_epoch: 2 });
    },
  );
});
