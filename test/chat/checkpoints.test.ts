import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { type Acquired, type ChatState, Chats } from "../../src/chat/index.js";
import { fenceOf, inputFor, type Move, toolResult, userMessage } from "../../src/chat/machine.fixture.js";
import type { WorkerInput } from "../../src/chat/transition-input.js";
import { PartSchema, Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { type CheckpointDelta, partToProto } from "../../src/protocol/index.js";
import {
  appendCheckpoints,
  type Database,
  type LeasedChunk,
  openPostgres,
  type Queryable,
  readChatView,
  readHistory,
  removeReplica,
} from "../../src/store/index.js";
import { engines, openTestDatabase } from "../kit/databases.js";
import { beatFor } from "../kit/heartbeat.js";
import { until } from "../kit/until.js";

const model = "scripted/default";
const workerId = "00000000-0000-4000-8000-00000000000a";
const everything = { sinceVersion: 0, afterMessageId: 0, resetSinceVersion: 0 };

/** A chat that a living worker runs, at the first attempt of a step. */
async function runningChat(
  chats: Chats,
  database: Database,
  alreadyRunning: readonly { chatId: string }[] = [],
): Promise<{ chatId: string; state: ChatState }> {
  await beatFor(database, workerId);
  const chatId = randomUUID();
  const chat = {
    id: chatId,
    owner: "alice",
    title: "t",
    labels: {},
    model,
    system: [],
    first: userMessage("go"),
  };
  await chats.create(
    () => chat,
    () => undefined,
  );
  await chats.acquire(
    workerId,
    1,
    alreadyRunning.map((other) => other.chatId),
  );
  await work(chats, chatId, "begin");
  return { chatId, state: await stateOf(chats, chatId) };
}

function openChats(database: Database): Chats {
  return new Chats({ database, leaseMs: 60_000, publish: () => undefined });
}

async function stateOf(chats: Chats, chatId: string): Promise<ChatState> {
  const state = await chats.readState(chatId, { withDeltas: true });
  if (state === undefined) throw new Error("the chat exists");
  return state;
}

/** What the owner of a chat does next. */
async function work(chats: Chats, chatId: string, move: Move): Promise<void> {
  const outcome = await chats.work(chatId, inputFor(move, await stateOf(chats, chatId)) as WorkerInput);
  if ("refused" in outcome) throw new Error(`${move} was refused: ${outcome.refused}`);
}

async function interrupt(chats: Chats, chatId: string): Promise<void> {
  await chats.request({ chatId, owner: "alice" }, { type: "Interrupt" }, () => undefined);
}

function textDelta(seq: number, text: string, block = 1): CheckpointDelta {
  const part = create(PartSchema, { kind: { case: "text", value: { text } } });
  return { firstSeq: seq, seq, role: Role.ASSISTANT, block, part };
}

/** The next chunk of a chat's present attempt. */
function chunkOf(chatId: string, state: ChatState, ...deltas: CheckpointDelta[]): LeasedChunk {
  return {
    chatId,
    leaseEpoch: fenceOf(state).leaseEpoch,
    historyVersion: state.versions.history,
    generationAttempt: state.generationAttempt,
    firstSeq: deltas[0]?.firstSeq ?? 0,
    lastSeq: deltas.at(-1)?.seq ?? 0,
    deltas,
  };
}

async function checkpointOf(database: Database, chatId: string): Promise<[number, number, string][]> {
  const view = await readChatView(database, chatId, "alice", { ...everything, withCheckpoint: true });
  return (view?.checkpoint ?? []).map(({ firstSeq, seq, part }) => [
    firstSeq,
    seq,
    part.kind.case === "text" ? part.kind.value.text : (part.kind.case ?? ""),
  ]);
}

/** The same database, which writes down the names of the statements. */
function recording(database: Database, statements: string[]): Database {
  const record = (db: Queryable): Queryable => ({
    query: (statement, values) => {
      statements.push(statement.name);
      return db.query(statement, values);
    },
    execute: (statement, values) => {
      statements.push(statement.name);
      return db.execute(statement, values);
    },
    script: (text) => db.script(text),
  });
  return {
    ...record(database),
    kind: database.kind,
    transaction: (run, options) =>
      database.transaction((tx) => run({ ...record(tx), finish: (last) => tx.finish(last) }), options),
    close: () => database.close(),
    abandon: () => database.abandon(),
    [Symbol.asyncDispose]: () => database.close(),
  };
}

async function rowCount(database: Database): Promise<number> {
  const count = { name: "test_count_deltas", text: "select count(*) as rows from checkpoint_deltas" };
  const [row] = await database.query<{ rows: number }>(count);
  return row?.rows ?? -1;
}

describe.each(engines)("what a running step has shown, on %s,", { timeout: 90_000 }, (engine) => {
  it("is read back as it was shown, chunk after chunk, any text in it included (PART-5)", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const chats = openChats(database);
    const { chatId, state } = await runningChat(chats, database);
    const odd = '\u0000\ue000\u{1f600}\\"';
    const chunks = [
      chunkOf(chatId, state, textDelta(1, "He"), textDelta(2, "y")),
      chunkOf(chatId, state, textDelta(3, odd), textDelta(4, "new", 2)),
    ];
    for (const chunk of chunks)
      expect(await appendCheckpoints(database, workerId, [chunk])).toEqual(new Set([chatId]));
    expect(await checkpointOf(database, chatId)).toEqual([
      [1, 3, `Hey${odd}`],
      [4, 4, "new"],
    ]);
    const view = await readChatView(database, chatId, "alice", everything);
    expect(view?.checkpoint).toEqual([]);
  });

  it("is written for many chats by one statement", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const chats = openChats(database);
    const running: { chatId: string; state: ChatState }[] = [];
    while (running.length < 20) running.push(await runningChat(chats, database, running));
    const statements: string[] = [];
    const chunks = running.map(({ chatId, state }) => chunkOf(chatId, state, textDelta(1, chatId)));
    const written = await appendCheckpoints(recording(database, statements), workerId, chunks);
    expect(written).toEqual(new Set(running.map(({ chatId }) => chatId)));
    expect(statements).toEqual(["append_checkpoint_deltas"]);
    for (const { chatId } of running) expect(await checkpointOf(database, chatId)).toEqual([[1, 1, chatId]]);
  });

  it("replaces its former self when it is written again, since the answer got lost", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const chats = openChats(database);
    const { chatId, state } = await runningChat(chats, database);
    await appendCheckpoints(database, workerId, [chunkOf(chatId, state, textDelta(1, "a"))]);
    await appendCheckpoints(database, workerId, [
      chunkOf(chatId, state, textDelta(1, "a"), textDelta(2, "b")),
    ]);
    expect(await checkpointOf(database, chatId)).toEqual([[1, 2, "ab"]]);
  });

  it("is refused from a zombie: of another worker, an older lease, or an older attempt (OWN-4)", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const chats = openChats(database);
    const { chatId, state } = await runningChat(chats, database);
    const chunk = chunkOf(chatId, state, textDelta(1, "from a zombie"));
    const { leaseEpoch, generationAttempt, historyVersion } = chunk;
    expect(await appendCheckpoints(database, randomUUID(), [chunk])).toEqual(new Set());
    for (const stale of [
      { ...chunk, leaseEpoch: leaseEpoch - 1 },
      { ...chunk, generationAttempt: generationAttempt - 1 },
      { ...chunk, historyVersion: historyVersion - 1 },
      { ...chunk, chatId: randomUUID() },
    ])
      expect(await appendCheckpoints(database, workerId, [stale])).toEqual(new Set());
    expect(await rowCount(database)).toBe(0);
    // The same worker, which was overtaken by itself.
    await chats.acquire(workerId, 1, []);
    expect(await appendCheckpoints(database, workerId, [chunk])).toEqual(new Set());
    expect(await rowCount(database)).toBe(0);
  });

  it.each([
    ["the step is committed", ["commitText"]],
    ["the next attempt begins", ["begin"]],
    ["the attempt has failed and is to be repeated (RETRY-5)", ["retry"]],
    ["the turn has failed", ["fail"]],
    ["the chat is edited (INT-7)", ["edit"]],
    ["an interrupt was carried out", ["interrupt", "finishInterruptEmpty"]],
  ] satisfies [string, Move[]][])("is gone once %s, and nothing can be added", async (_, moves) => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const chats = openChats(database);
    const { chatId, state } = await runningChat(chats, database);
    await appendCheckpoints(database, workerId, [chunkOf(chatId, state, textDelta(1, "so far"))]);
    for (const move of moves) {
      expect(await rowCount(database)).toBe(1);
      const input = inputFor(move, await stateOf(chats, chatId));
      if (input.type === "Edit" || input.type === "Interrupt")
        await chats.request({ chatId, owner: "alice" }, input, () => undefined);
      else await work(chats, chatId, move);
    }
    expect(await rowCount(database)).toBe(0);
    const late = chunkOf(chatId, state, textDelta(2, " and more"));
    expect(await appendCheckpoints(database, workerId, [late])).toEqual(new Set());
    expect(await rowCount(database)).toBe(0);
  });

  it("stays while the chat changes in other ways, and goes with the chat", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const chats = openChats(database);
    const { chatId, state } = await runningChat(chats, database);
    await appendCheckpoints(database, workerId, [chunkOf(chatId, state, textDelta(1, "so far"))]);
    const target = { chatId, owner: "alice" };
    const queued = { type: "Send", message: userMessage("next"), whenBusy: "queue" } as const;
    await chats.request(target, queued, () => undefined);
    await chats.request(target, { type: "UpdateMetadata", metadata: { title: "new" } }, () => undefined);
    await work(chats, chatId, "release");
    expect(await checkpointOf(database, chatId)).toEqual([[1, 1, "so far"]]);
    await chats.acquire(workerId, 1, []);
    expect(await checkpointOf(database, chatId)).toEqual([[1, 1, "so far"]]);
    await interrupt(chats, chatId);
    expect(await checkpointOf(database, chatId)).toEqual([[1, 1, "so far"]]);
    await database.script(`delete from chats where id = '${chatId}'`);
    expect(await rowCount(database)).toBe(0);
  });

  it("is the partial of an interrupt when its worker has died (INT-2, OWN-7)", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const chats = openChats(database);
    const { chatId, state } = await runningChat(chats, database);
    const toolCall = { toolCallId: "p1", toolName: "web_search", argsJson: "{}", providerExecuted: true };
    const part = create(PartSchema, { kind: { case: "toolCall", value: toolCall } });
    const call = { firstSeq: 3, seq: 3, role: Role.ASSISTANT, block: 2, part };
    await appendCheckpoints(database, workerId, [
      chunkOf(chatId, state, textDelta(1, "what "), textDelta(2, "was")),
    ]);
    await appendCheckpoints(database, workerId, [chunkOf(chatId, state, call)]);
    await removeReplica(database, workerId);
    await interrupt(chats, chatId);
    const partial = (await readHistory(database, chatId)).at(-1);
    expect(partial).toMatchObject({ role: "assistant", interrupted: true, model });
    expect(partial?.parts).toMatchObject([
      { type: "text", text: "what was" },
      { type: "tool-call", tool_call_id: "p1", provider_executed: true },
      { type: "tool-result", tool_call_id: "p1", provider_executed: true, is_error: true },
    ]);
    expect((await stateOf(chats, chatId)).phase.status).toBe("waiting");
    expect(await rowCount(database)).toBe(0);
  });

  it("is what the next worker commits when an interrupt was asked of the dead one", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const chats = openChats(database);
    const { chatId, state } = await runningChat(chats, database);
    await appendCheckpoints(database, workerId, [chunkOf(chatId, state, textDelta(1, "so far"))]);
    await interrupt(chats, chatId);
    await removeReplica(database, workerId);
    const next = randomUUID();
    await beatFor(database, next);
    const [lease] = await chats.acquire(next, 1, []);
    expect(lease?.state?.phase.status).toBe("interrupting");
    expect(lease?.state?.checkpoint).toEqual({
      role: "assistant",
      parts: [{ type: "text", text: "so far" }],
      model,
    });
  });

  it("is not read for writes of the worker that shows it, and costs them no statement", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const { chatId, state } = await runningChat(openChats(database), database);
    const statements: string[] = [];
    const chats = openChats(recording(database, statements));
    await appendCheckpoints(database, workerId, [chunkOf(chatId, state, textDelta(1, "so far"))]);
    expect((await chats.readState(chatId))?.checkpoint).toBeUndefined();
    const fence = fenceOf(state);
    const attempt = { historyVersion: state.versions.history, generationAttempt: state.generationAttempt };
    const started = await chats.work(chatId, {
      type: "StartCalls",
      fence,
      attempt,
      toolCallIds: [],
      startedAt: "2026-01-01T00:00:00.000Z",
    });
    expect(started).toMatchObject({ state: { checkpoint: undefined } });
    expect(await checkpointOf(database, chatId)).toEqual([[1, 1, "so far"]]);
    statements.length = 0;
    const messages = [{ role: "assistant", parts: [{ type: "text", text: "so far, so good" }] }] as const;
    await chats.work(chatId, { type: "CommitStep", fence, attempt, messages });
    expect(statements).toEqual(["lock_chat", "select_chat_extras", "insert_messages", "update_chat"]);
    expect(await rowCount(database)).toBe(0);
  });

  it("includes results of tools that were written down one by one, and those that came after (RETRY-6)", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const chats = openChats(database);
    const { chatId } = await runningChat(chats, database);
    for (const move of ["commitCalls", "begin", "checkpoint"] as Move[]) await work(chats, chatId, move);
    const state = await stateOf(chats, chatId);
    const results = state.openCalls.map(({ toolCallId }) => toolResult(toolCallId));
    expect(state.checkpoint).toEqual({ role: "tool", parts: results.slice(0, 1) });
    const deltas = results.map((result, index) => {
      const seq = index + 1;
      return { firstSeq: seq, seq, role: Role.TOOL, block: seq, part: partToProto(result) };
    });
    await appendCheckpoints(database, workerId, [chunkOf(chatId, state, ...deltas.slice(0, 1))]);
    expect((await stateOf(chats, chatId)).checkpoint?.parts).toEqual(results.slice(0, 1));
    await appendCheckpoints(database, workerId, [chunkOf(chatId, state, ...deltas.slice(1))]);
    await removeReplica(database, workerId);
    expect((await stateOf(chats, chatId)).checkpoint).toEqual({ role: "tool", parts: results });
    await interrupt(chats, chatId);
    expect((await readHistory(database, chatId)).at(-1)).toMatchObject({ role: "tool", parts: results });
  });

  it("is complete once the turn is handed over, with what no client sees (PART-4)", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const chats = openChats(database);
    const { chatId, state } = await runningChat(chats, database);
    await appendCheckpoints(database, workerId, [chunkOf(chatId, state, textDelta(1, "a"))]);
    await appendCheckpoints(database, workerId, [chunkOf(chatId, state, textDelta(2, "b"))]);
    const fence = fenceOf(state);
    const attempt = { historyVersion: state.versions.history, generationAttempt: state.generationAttempt };
    const signed = { type: "text", text: "abc", provider_metadata: { p: { signature: "s" } } } as const;
    const partial = { role: "assistant", parts: [signed], model } as const;
    const shown = chunkOf(chatId, state, textDelta(1, "a"), textDelta(2, "b"), textDelta(3, "c"));
    await chats.work(chatId, { type: "Checkpoint", fence, attempt, partial, shown });
    expect(await rowCount(database)).toBe(1);
    // What the interval had in hand meanwhile changes nothing.
    for (const late of [textDelta(1, "a"), textDelta(3, "c")])
      await appendCheckpoints(database, workerId, [chunkOf(chatId, state, late)]);
    await work(chats, chatId, "release");
    expect(await checkpointOf(database, chatId)).toEqual([[1, 3, "abc"]]);
    expect((await stateOf(chats, chatId)).checkpoint?.parts).toEqual([signed]);
    await interrupt(chats, chatId);
    expect((await readHistory(database, chatId)).at(-1)?.parts).toEqual([signed]);
  });

  it.each(["with a lock", "in one statement"])(
    "leaves nothing behind when chats change %s while it is written",
    async (how) => {
      await using opened = await openTestDatabase(engine);
      const { database } = opened;
      const chats = openChats(database);
      const running: { chatId: string; state: ChatState }[] = [];
      while (running.length < 6) running.push(await runningChat(chats, database, running));
      const current = new Map(running.map(({ chatId, state }) => [chatId, state]));
      const isLocked = how === "with a lock";
      let changing = true;
      const written = { rows: 0, calls: 0 };
      const checkpointing = async (): Promise<void> => {
        while (changing) {
          const chunks = [...current].map(([chatId, state]) => chunkOf(chatId, state, textDelta(1, "x")));
          written.rows += (
            isLocked
              ? await appendCheckpoints(database, workerId, chunks)
              : await chats.checkpoint(workerId, chunks)
          ).size;
          written.calls += 1;
        }
      };
      // PGlite runs one transaction after the other anyway.
      const rounds = engine === "postgres" ? 25 : 3;
      const turn = async ({ chatId }: { chatId: string }): Promise<void> => {
        for (let round = 0; round < rounds; round += 1) {
          for (const move of ["commitText", "begin", "retry", "begin"] as Move[]) {
            const state = await stateOf(chats, chatId);
            const outcome = await chats.work(
              chatId,
              inputFor(move, state) as WorkerInput,
              isLocked ? undefined : state,
            );
            expect(outcome).not.toHaveProperty("refused");
            current.set(chatId, await stateOf(chats, chatId));
          }
        }
        await work(chats, chatId, "fail");
      };
      const writers = isLocked ? [checkpointing(), checkpointing()] : [checkpointing()];
      await Promise.all(running.map(turn)).finally(() => {
        changing = false;
      });
      await Promise.all(writers);
      expect(written.rows).toBeGreaterThan(0);
      expect(await rowCount(database)).toBe(0);
    },
  );
});

it("what a turn writes that began here drops nothing, unless something of it was checkpointed, or another lease has it", async () => {
  await using opened = await openTestDatabase("pglite");
  const { database } = opened;
  await beatFor(database, workerId);
  const statements: string[] = [];
  let acquired: Acquired | undefined;
  const chats = new Chats({
    database: recording(database, statements),
    leaseMs: 60_000,
    publish: () => undefined,
    reserve: () => ({ workerId, run: (got) => (acquired = got), [Symbol.dispose]: () => undefined }),
  });
  const chatId = randomUUID();
  const chat = { id: chatId, owner: "alice", title: "t", labels: {}, model, system: [] };
  await chats.create(
    () => ({ ...chat, first: userMessage("go") }),
    () => undefined,
  );
  const commit = async (state: ChatState | undefined): Promise<string[]> => {
    if (state === undefined) throw new Error("nobody has the chat");
    statements.length = 0;
    const finish = (chat: ChatState) => inputFor("finish", chat) as WorkerInput;
    const outcome = await chats.work(chatId, inputFor("commitText", state) as WorkerInput, state, finish);
    expect(outcome).toMatchObject({ state: { phase: { status: "waiting" } } });
    return [...statements];
  };
  const send = async (): Promise<ChatState | undefined> => {
    const message = { type: "Send", message: userMessage("more"), whenBusy: "queue" } as const;
    await chats.request({ chatId, owner: "alice" }, message, () => undefined);
    return acquired?.state;
  };
  expect(await commit(acquired?.state)).toEqual(["change_chat_messages"]);
  expect(await commit(await send())).toEqual(["change_chat_messages"]);

  const state = await send();
  if (state === undefined) throw new Error("nobody has the chat");
  expect((await chats.checkpoint(workerId, [chunkOf(chatId, state, textDelta(1, "x"))])).size).toBe(1);
  expect(await rowCount(database)).toBe(1);
  expect(await commit(state)).toEqual(["change_chat_deltas_messages"]);
  expect(await rowCount(database)).toBe(0);

  // Somebody else may have checkpointed something meanwhile.
  const released = await send();
  await chats.work(chatId, { type: "Release", fence: fenceOf(released ?? state) });
  const [again] = await chats.acquire(workerId, 1, []);
  const begun = await chats.work(chatId, inputFor("begin", again?.state ?? state) as WorkerInput);
  expect(await commit("refused" in begun ? undefined : begun.state)).toEqual(["change_chat_deltas_messages"]);
});

it("a chat that is about to change is skipped: the statement waits for nobody", async () => {
  await using opened = await openTestDatabase("postgres");
  const { database, url = "" } = opened;
  const chats = openChats(database);
  const held = await runningChat(chats, database);
  const free = await runningChat(chats, database, [held]);
  const chunks = [held, free].map(({ chatId, state }) => chunkOf(chatId, state, textDelta(1, "x")));
  await using other = openPostgres({ url, poolSize: 1 });
  await other.transaction(async (tx) => {
    const lock = { name: "test_lock", text: "select id from chats where id = $1 for update" };
    await tx.query(lock, [held.chatId]);
    expect(await appendCheckpoints(database, workerId, chunks)).toEqual(new Set([free.chatId]));
  });
  expect(await appendCheckpoints(database, workerId, chunks)).toEqual(new Set([held.chatId, free.chatId]));
});

it("is not written of a chat while that is written in one statement", async () => {
  await using opened = await openTestDatabase("pglite");
  const { database } = opened;
  const { chatId, state } = await runningChat(openChats(database), database);
  let go = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  const query: Database["query"] = async (statement, values) => {
    if (statement.name.startsWith("change_chat")) await held;
    return database.query(statement, values);
  };
  const chats = openChats({ ...recording(database, []), query });
  const committing = chats.work(chatId, inputFor("commitText", state) as WorkerInput, state);
  expect(await chats.checkpoint(workerId, [chunkOf(chatId, state, textDelta(1, "x"))])).toEqual(new Set());
  expect(await rowCount(database)).toBe(0);
  go();
  expect(await committing).toHaveProperty("state");
});

it("leaves nothing behind when the chat is written in one statement that waits for it", async () => {
  await using opened = await openTestDatabase("postgres");
  const { database, url = "" } = opened;
  const chats = openChats(database);
  const { chatId, state } = await runningChat(chats, database);
  const chunk = chunkOf(chatId, state, textDelta(1, "x"));
  await using other = openPostgres({ url, poolSize: 1 });
  const waiting = {
    name: "test_waiting",
    text: "select count(*)::integer as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  };
  const areWaiting = (count: number): Promise<unknown> =>
    until(async () => (await database.query<{ count: number }>(waiting))[0]?.count === count, {
      what: `${count} statements to wait`,
    });
  const enough = new Error("enough");
  const writing: Promise<unknown>[] = [];
  const holding = other.transaction(async (tx) => {
    // Whoever appends these deltas shares the lock of the chat, and waits for us.
    const row = [chatId, chunk.historyVersion, chunk.generationAttempt, 1, 1, Buffer.of(0)];
    await tx.execute(
      { name: "test_hold", text: "insert into checkpoint_deltas values ($1, $2, $3, $4, $5, $6)" },
      row,
    );
    writing.push(chats.checkpoint(workerId, [chunk]));
    await areWaiting(1);
    writing.push(chats.work(chatId, inputFor("commitText", state) as WorkerInput, state));
    await areWaiting(2);
    throw enough;
  });
  await expect(holding).rejects.toBe(enough);
  expect(await Promise.all(writing)).toMatchObject([new Set([chatId]), { state: {} }]);
  expect(await rowCount(database)).toBe(0);
});
