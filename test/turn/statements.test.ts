import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Lease, runTurn, TurnControl } from "../../src/agent/index.js";
import { type Acquired, Chats } from "../../src/chat/index.js";
import type { Model } from "../../src/models/index.js";
import { builtInTools, createToolRegistry } from "../../src/tools/index.js";
import { type Database, readHistory } from "../../src/store/index.js";
import { methodsOf, openTestDatabase } from "../kit/databases.js";
import { beatFor } from "../kit/heartbeat.js";
import { turnDeps } from "../kit/turn-deps.js";

const id = "test/parrot";
const parts = [{ type: "text" as const, text: "hello" }];

/** A chat that was acquired as its first message was committed, and what happens to it. */
async function openTaken(
  database: Database,
  { losesLastAnswer = false, losesCheckpoint = false, calls = [] as readonly string[] } = {},
) {
  const [chatId, workerId] = [randomUUID(), randomUUID()];
  await beatFor(database, workerId);
  const changes: string[] = [];
  let isToLose = false;
  const counted: Database = {
    ...methodsOf(database),
    query: async (statement, values) => {
      const isChange = statement.name.startsWith("change_chat");
      if (isChange) changes.push(statement.name);
      const rows = await database.query(statement, values);
      if (!isChange || changes.length !== 1 || !losesLastAnswer) return rows as never;
      throw Object.assign(new Error("the answer got lost"), { retryable: true });
    },
    transaction: async (work, options) => {
      const result = await database.transaction(work, options);
      if (options?.readOnly === true) return result;
      changes.push("transaction");
      if (!isToLose) return result;
      isToLose = false;
      throw Object.assign(new Error("the answer got lost"), { retryable: true });
    },
  };
  let acquired: Acquired | undefined;
  const chats = new Chats({
    database: counted,
    publish: () => undefined,
    reserve: () => ({
      workerId,
      run: (taken) => (acquired ??= taken),
      [Symbol.dispose]: () => undefined,
    }),
    leaseMs: 60_000,
  });
  const first = { parts, author: "alice", model: id };
  await chats.create(
    () => ({ id: chatId, owner: "alice", title: "t", labels: {}, model: id, system: [], first }),
    () => undefined,
  );
  changes.length = 0;
  isToLose = losesCheckpoint;
  if (acquired?.state === undefined) throw new Error("the chat was not taken");
  const { state, begun, history } = acquired;
  const lease: Lease = { chatId, fence: { workerId, leaseEpoch: state.leaseEpoch }, state, begun, history };
  let asked = 0;
  const tools = createToolRegistry(builtInTools({ names: ["current_time"], httpFetchAllowPrivate: false }));
  const deps = { ...turnDeps(database), tools };
  const run = (control = new TurnControl(), meanwhile?: () => Promise<unknown>) => {
    const parrot: Model = {
      provider: "test",
      id,
      async *stream() {
        asked += 1;
        if (asked === 1)
          for (const toolCallId of calls)
            yield {
              type: "tool-call",
              toolCallId,
              toolName: "current_time",
              argsJson: "{}",
              providerExecuted: false,
            };
        if (asked > 1 || calls.length === 0) yield { type: "text", block: "0", delta: "hello" };
        if (asked === 1) await meanwhile?.();
        yield { type: "finish", reason: "stop", usage: {} };
      },
    };
    const models = { defaultModelId: id, resolve: () => parrot, whyNot: () => "", available: () => [id] };
    return runTurn({ ...deps, chats, models }, lease, control);
  };
  const say = () =>
    chats.request(
      { chatId, owner: "alice" },
      { type: "Send", message: first, whenBusy: "queue" },
      () => undefined,
    );
  return { chats, chatId, changes, run, say, asked: () => asked, deltaLog: deps.deltaLog };
}

describe("a turn of a chat that was acquired as it was created", () => {
  it("writes one statement, which ends it with what was said", async () => {
    await using opened = await openTestDatabase("postgres");
    const { chats, chatId, changes, run } = await openTaken(opened.database);
    expect(await run()).toBe("idle");
    expect(changes).toEqual(["change_chat_messages"]);
    const state = await chats.readState(chatId);
    expect(state).toMatchObject({ phase: { status: "waiting" }, generationAttempt: 0 });
    const history = await readHistory(opened.database, chatId);
    expect(history.map(({ role, revision }) => [role, revision])).toEqual([
      ["user", 1],
      ["assistant", state?.versions.history],
    ]);
  });

  it("ends with what was said and shown, when the answer to its last write gets lost", async () => {
    await using opened = await openTestDatabase("postgres");
    const { chats, chatId, run, deltaLog } = await openTaken(opened.database, { losesLastAnswer: true });
    expect(await run()).toBe("idle");
    expect((await chats.readState(chatId))?.phase).toEqual({ status: "waiting" });
    const shown = deltaLog.find(chatId, { historyVersion: 1, generationAttempt: 1 });
    expect(shown?.state).toEqual({ type: "closed", outcome: "committed" });
  });

  it("leaves nothing behind of results that were kept early, when the answer to that got lost", async () => {
    await using opened = await openTestDatabase("postgres");
    const { database } = opened;
    const { changes, run } = await openTaken(database, { losesCheckpoint: true, calls: ["a", "b"] });
    expect(await run()).toBe("idle");
    expect(changes).toContain("transaction");
    const left = { name: "test_left", text: "select chat_id from checkpoints" };
    expect(await database.query(left)).toEqual([]);
  });

  it("goes on with what was said meanwhile", async () => {
    await using opened = await openTestDatabase("postgres");
    const { chats, chatId, run, say, asked } = await openTaken(opened.database);
    expect(await run(undefined, say)).toBe("idle");
    expect(asked()).toBe(2);
    expect((await chats.readState(chatId))?.phase).toEqual({ status: "waiting" });
    const history = await readHistory(opened.database, chatId);
    expect(history.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
  });

  it("is handed over before anything is asked, while the replica drains", async () => {
    await using opened = await openTestDatabase("postgres");
    const { chats, chatId, run, asked } = await openTaken(opened.database);
    const control = new TurnControl();
    control.drain();
    expect(await run(control)).toBe("released");
    expect(asked()).toBe(0);
    expect((await chats.readState(chatId))?.phase).toMatchObject({ status: "running", owner: undefined });
  });
});
