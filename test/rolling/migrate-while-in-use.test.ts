import { describe, expect, test } from "vitest";
import {
  type Database,
  listReplicas,
  loadMigrations,
  migrate,
  openPostgres,
  readOwner,
} from "../../src/store/index.js";
import { engines, openTestDatabase } from "../kit/databases.js";
import { startTestReplica } from "../kit/replica.js";
import { until } from "../kit/until.js";
import { textOf } from "../kit/watch.js";
import { ReplicaAt0005 } from "./version-at-0005.js";

async function migrateTo0005(database: Database): Promise<void> {
  await migrate(database, { migrations: (await loadMigrations()).slice(0, 5) });
}

const pendingAfter0005 = async (): Promise<string[]> =>
  (await loadMigrations()).slice(5, 6).map(({ name }) => name);

/** Brings the database to 0006, which is all that a version at 0005 has to live with. */
async function migrateTo0006(database: Database): Promise<readonly string[]> {
  return (await migrate(database, { migrations: (await loadMigrations()).slice(0, 6) })).applied;
}

const selectAnswers = {
  name: "test.select_answers",
  text: "select chat_id as id, content #>> '{0,text}' as text from messages where role = 'assistant' order by chat_id, id",
};

/** One turn, from the user's message to the answer. */
async function runTurn(replica: ReplicaAt0005, answer: string): Promise<void> {
  await replica.beat();
  const chatId = await replica.createChat();
  const chat = (await replica.acquire(10)).find(({ id }) => id === chatId);
  if (chat === undefined) throw new Error("the chat was not acquired");
  expect(await replica.checkpoint(chat)).toBe(true);
  expect(await replica.finish(chat, answer)).toBe(true);
}

describe.each(engines)("the version before 0006, on %s", (engine) => {
  test("works as before once the database is migrated, on the connections that it has, with what it left", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await migrateTo0005(database);
    const old = new ReplicaAt0005(database);
    await runTurn(old, "before");
    await old.createChat();
    const [running, ...none] = await old.acquire(10);
    expect(none).toEqual([]);
    const waiting = await old.createChat();

    expect(await migrateTo0006(database)).toEqual(await pendingAfter0005());

    await old.beat();
    if (running === undefined) throw new Error("nothing was acquired");
    expect(await old.checkpoint(running)).toBe(true);
    expect(await old.finish(running, "begun before")).toBe(true);
    const [taken] = await old.acquire(10);
    expect(taken?.id).toBe(waiting);
    await runTurn(new ReplicaAt0005(database), "after");
    const texts = (await database.query<{ text: string }>(selectAnswers)).map(({ text }) => text);
    expect(texts.sort()).toEqual(["after", "before", "begun before"]);
  });

  test("is listed by its neighbour with what it tells, and leaves the list when it stops", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const old = new ReplicaAt0005(database);
    await old.beat();
    await old.beat();
    expect(await listReplicas(database)).toMatchObject([
      { id: old.id, advertisedUrl: "http://10.0.0.1:7717", version: "0.1.0", capacity: 0, turns: 0 },
    ]);
    expect((await listReplicas(database))[0]?.clockSkewMs).toBeUndefined();
    await old.leave();
    expect(await listReplicas(database)).toEqual([]);
  });
});

test("replicas of the version before 0006 run turns without a fault while the database is migrated", async () => {
  await using opened = await openTestDatabase("postgres", { migrate: false });
  await migrateTo0005(opened.database);
  await using handle = openPostgres({ url: opened.url ?? "" });
  let isMigrated = false;
  let running = 0;
  /** Turn after turn: some before, at least ten after. */
  const work = async (index: number): Promise<number> => {
    const replica = new ReplicaAt0005(handle);
    let turns = 0;
    for (let after = 0; after < 10; turns += 1) {
      // The others acquire what this one creates, as well as it does.
      await replica.beat();
      await replica.createChat();
      for (const chat of await replica.acquire(10)) {
        // One who looks for work at that moment may have it locked: the version asks again then.
        await until(() => replica.checkpoint(chat), { what: "a checkpoint" });
        expect(await replica.finish(chat, `${index}`)).toBe(true);
      }
      if (isMigrated) after += 1;
      if (turns === 5) running += 1;
    }
    return turns;
  };
  const workers = Promise.all([0, 1, 2].map(work));
  await Promise.race([workers, until(() => running === 3, { what: "three replicas at work" })]);
  expect(await migrateTo0006(opened.database)).toEqual(await pendingAfter0005());
  isMigrated = true;
  const turns = (await workers).reduce((sum, count) => sum + count, 0);
  // Nothing that one of them created was left by all.
  const last = new ReplicaAt0005(handle);
  await last.beat();
  const left = await last.acquire(100);
  for (const chat of left) await last.finish(chat, "last");
  const answers = await opened.database.query<{ id: string }>(selectAnswers);
  expect(answers).toHaveLength(turns);
  expect(new Set(answers.map(({ id }) => id)).size).toBe(turns);
});

test("a new replica leaves the turn of an old one alone while that lives, and goes on with it when that has stopped", async () => {
  await using opened = await openTestDatabase("postgres", { migrate: false });
  const { database, url = "" } = opened;
  await migrateTo0005(database);
  const old = new ReplicaAt0005(database);
  await old.beat();
  const chatId = await old.createChat();
  const [chat] = await old.acquire(1);
  await using replica = await startTestReplica({
    env: { DATABASE_URL: url, PALAVER_POLL: "50ms", PALAVER_LEASE: "2m" },
  });
  await old.beat();
  // Other work is done meanwhile: the new replica has looked at what there is, more than once.
  const other = await old.createChat();
  const watch = replica.watch(other);
  await watch.until("an answer", () => (watch.messages().length === 2 ? true : undefined));
  expect(await readOwner(database, chatId, 120_000)).toMatchObject({ workerId: old.id, alive: true });
  if (chat === undefined) throw new Error("nothing was acquired");
  expect(await old.checkpoint(chat)).toBe(true);

  await old.leave();
  const taken = replica.watch(chatId);
  await taken.until("an answer", () => (taken.messages().length === 2 ? true : undefined));
  expect(taken.messages().map(textOf)[0]).toBe("hello");
  expect(await old.finish(chat, "too late")).toBe(false);
});
