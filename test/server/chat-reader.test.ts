import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Chats, RecentCommits } from "../../src/chat/index.js";
import { ManualClock } from "../../src/platform/index.js";
import { chatReaders } from "../../src/server/chat-reader.js";
import type { Database } from "../../src/store/index.js";
import { engines, methodsOf, openTestDatabase } from "../kit/databases.js";

const everything = {
  sinceVersion: 0,
  afterMessageId: 0,
  resetSinceVersion: 0,
  withCheckpoint: true,
  atLeast: { version: 0, episode: undefined },
};

async function createChat(database: Database, owner: string): Promise<string> {
  const chats = new Chats({ database, leaseMs: 60_000, publish: () => undefined });
  const id = randomUUID();
  await chats.create(
    () => ({
      id,
      owner,
      title: "t",
      labels: {},
      model: "scripted/default",
      system: [],
      first: { parts: [{ type: "text", text: "go" }], author: owner, model: "scripted/default" },
    }),
    () => undefined,
  );
  return id;
}

describe.each(engines)("the reads of subscriptions on %s", (engine) => {
  it("are shared by those who ask for the same at the same time", async () => {
    await using opened = await openTestDatabase(engine);
    const chatId = await createChat(opened.database, "alice");
    const reader = chatReaders(opened.database);
    const views = await Promise.all(
      Array.from({ length: 20 }, () => reader("alice").readView(chatId, everything)),
    );
    expect(views[0]?.chat.id).toBe(chatId);
    // The first one's, and the one that began when that had ended.
    expect(new Set(views).size).toBe(2);
    expect(await reader("alice").readView(chatId, everything)).not.toBe(views.at(-1));
  });

  it("show nobody what somebody else may read, however many ask for it", async () => {
    await using opened = await openTestDatabase(engine);
    const chatId = await createChat(opened.database, "alice");
    const reader = chatReaders(opened.database);
    const read = async (owner: string | undefined): Promise<string | undefined> =>
      (await reader(owner).readView(chatId, everything))?.chat.id;
    const answers = await Promise.all(["alice", "bob", undefined, "bob", "alice", undefined].map(read));
    expect(answers).toEqual([chatId, undefined, chatId, undefined, chatId, chatId]);
  });

  it("are not made for what this replica has just committed, as far as it has to be shown and may be", async () => {
    await using opened = await openTestDatabase(engine);
    const chatId = await createChat(opened.database, "alice");
    const recent = new RecentCommits({ clock: new ManualClock() });
    const chats = new Chats({ database: opened.database, leaseMs: 60_000, publish: () => undefined, recent });
    const before = await chatReaders(opened.database)("alice").readView(chatId, everything);
    const version = Number(before?.chat.versions?.snapshotVersion);
    await chats.request({ chatId, owner: "alice" }, { type: "Interrupt" }, () => undefined);
    let reads = 0;
    const counted: Database = {
      ...methodsOf(opened.database),
      query: (statement, values) => {
        reads += 1;
        return opened.database.query(statement, values);
      },
    };
    const reader = chatReaders(counted, recent);
    const options = {
      ...everything,
      sinceVersion: version,
      resetSinceVersion: version,
      withCheckpoint: false,
    };
    const view = await reader("alice").readView(chatId, options);
    expect(reads).toBe(0);
    expect(await reader("alice").readView(chatId, options)).toBe(view);
    expect(view).toEqual(await chatReaders(opened.database)("alice").readView(chatId, options));
    expect(await reader("bob").readView(chatId, options)).toBeUndefined();
    const later = { version: version + 2, episode: undefined };
    const episode = { historyVersion: version + 9, generationAttempt: 1 };
    await reader("alice").readView(chatId, { ...options, atLeast: later });
    await reader("alice").readView(chatId, { ...options, atLeast: { version: 0, episode } });
    await reader("alice").readView(chatId, { ...options, withCheckpoint: true });
    await reader("alice").readView(chatId, everything);
    expect(reads).toBe(5);
  });

  it("are kept apart by what they ask for", async () => {
    await using opened = await openTestDatabase(engine);
    const chatId = await createChat(opened.database, "alice");
    const reader = chatReaders(opened.database)("alice");
    const [all, all2, later, later2] = await Promise.all([
      reader.readView(chatId, everything),
      reader.readView(chatId, everything),
      reader.readView(chatId, { ...everything, afterMessageId: 1_000 }),
      reader.readView(chatId, { ...everything, afterMessageId: 1_000 }),
    ]);
    expect([all, all2, later, later2].map((view) => view?.messages.length)).toEqual([1, 1, 0, 0]);
  });
});
