import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  type Acquired,
  Chats,
  type ChatState,
  type Idempotency,
  type ReservePlace,
  type WorkerInput,
} from "../../src/chat/index.js";
import { inputFor, model, type Move, newChat, userMessage } from "../../src/chat/machine.fixture.js";
import type { ChatNotification } from "../../src/gen/palaver/relay/v1/notification_pb.js";
import { PalaverError, type StoredPart } from "../../src/protocol/index.js";
import {
  type Database,
  DatabaseError,
  readChat,
  readChatChanges,
  readHistory,
  readSnapshot,
} from "../../src/store/index.js";
import { engines, methodsOf, openTestDatabase } from "../kit/databases.js";
import { beatFor } from "../kit/heartbeat.js";
import { apply, createChat, leaseMs, newKey, openWorld, workerInput, workers } from "./chats.fixture.js";

describe.each(engines)("chats on %s", (engine) => {
  it("take one statement for what a worker does to a chat that is as it believes", async () => {
    await using opened = await openTestDatabase(engine);
    const statements: string[] = [];
    const database: Database = {
      ...methodsOf(opened.database),
      query: (statement, values) => {
        statements.push(statement.name);
        return opened.database.query(statement, values);
      },
      transaction: () => Promise.reject(new Error("a transaction was begun")),
    };
    const world = openWorld(opened.database);
    const chatId = await createChat(world);
    await beatFor(world.database, workers[0]);
    const [acquired] = await world.chats.acquire(workers[0], 1, []);
    if (acquired?.state === undefined) throw new Error("the chat was not acquired");
    let state = acquired.state;
    const { chats, published } = openWorld(database);
    for (const move of ["begin", "commitText", "finish"] as Move[]) {
      const outcome = await chats.work(chatId, inputFor(move, state) as WorkerInput, state);
      if ("refused" in outcome || outcome.state === undefined) throw new Error(`${move} was refused`);
      expect(outcome.chat).toEqual(await readChat(world.database, chatId, "alice"));
      state = outcome.state;
    }
    // Only a step may have shown something that was checkpointed.
    expect(statements).toEqual(["change_chat", "change_chat_deltas_messages", "change_chat"]);
    expect(published.map(({ snapshotVersion }) => Number(snapshotVersion))).toEqual(
      [1, 2, 3].map((after) => (acquired.state?.versions.snapshot ?? 0) + after),
    );
    expect((await world.chats.readState(chatId))?.phase).toEqual({ status: "waiting" });
    expect((await readHistory(world.database, chatId)).map(({ id, role }) => [id, role])).toEqual([
      [1, "user"],
      [2, "assistant"],
    ]);
  });

  it("take one statement for two things that a worker does at once, if nothing else is to be written", async () => {
    await using opened = await openTestDatabase(engine);
    const world = openWorld(opened.database);
    await beatFor(world.database, workers[0]);
    const begin = async (queued: boolean) => {
      const chatId = await createChat(world);
      const [acquired] = await world.chats.acquire(workers[0], 1, []);
      if (queued) await apply(world, chatId, inputFor("sendQueue", newChat()));
      const state = await world.chats.readState(chatId);
      if (acquired === undefined || state === undefined) throw new Error("the chat was not acquired");
      const outcome = await world.chats.work(chatId, inputFor("begin", state) as WorkerInput, state);
      if ("refused" in outcome || outcome.state === undefined) throw new Error("no attempt was begun");
      return { chatId, begun: outcome.state, before: world.published.length };
    };
    const finish = (chat: ChatState) => workerInput("finish", chat);

    const { chatId, begun, before } = await begin(false);
    const commit = inputFor("commitText", begun) as WorkerInput;
    const ended = await world.chats.work(chatId, commit, begun, finish);
    if ("refused" in ended || ended.state === undefined) throw new Error("the step was refused");
    const { snapshot, history } = ended.state.versions;
    const next = begun.versions.snapshot + 1;
    expect([ended.state.phase.status, snapshot, history]).toEqual(["waiting", next, next]);
    expect(world.published.slice(before).map((news) => Number(news.snapshotVersion))).toEqual([snapshot]);
    expect(ended.messages.map(({ revision }) => revision)).toEqual([history]);
    expect((await readHistory(world.database, chatId)).at(-1)?.revision).toBe(history);

    const other = await begin(true);
    const commitOther = inputFor("commitText", other.begun) as WorkerInput;
    const stepped = await world.chats.work(other.chatId, commitOther, other.begun, finish);
    if ("refused" in stepped) throw new Error("the step was refused");
    expect(stepped.state?.phase.status).toBe("running");
    expect(stepped.state?.versions.snapshot).toBe(other.begun.versions.snapshot + 1);
  });

  it("are told to lists by what writes a message, and by a trigger whatever else changes what lists show", async () => {
    await using opened = await openTestDatabase(engine);
    const world = openWorld(opened.database);
    const { database, chats } = world;
    await beatFor(database, workers[0]);
    let round: { seen: string } = { seen: await readSnapshot(database) };
    const told = async (): Promise<number> => {
      const { changes, now } = await readChatChanges(database, "alice", { ...round, round: undefined }, 10);
      round = { seen: now };
      return changes.length;
    };
    const trigger = (is: "enable" | "disable") =>
      database.script(`alter table chats ${is} trigger chats_list_change`);

    const chatId = await createChat(world);
    expect(await told()).toBe(1);
    const [acquired] = await chats.acquire(workers[0], 1, []);
    expect(await told()).toBe(1);
    await trigger("disable");
    if (acquired?.state === undefined) throw new Error("the chat was not acquired");
    const begun = await apply(world, chatId, inputFor("begin", acquired.state), { believed: acquired.state });
    expect(await told()).toBe(0);
    const believed = begun as ChatState;
    const step = await apply(world, chatId, inputFor("commitText", believed), { believed });
    expect(await told()).toBe(1);
    await trigger("enable");
    await apply(world, chatId, inputFor("finish", step as ChatState), { believed: step as ChatState });
    expect(await told()).toBe(1);
    await trigger("disable");
    // To a chat that is not known, and to one that is.
    for (const { chats: others } of [openWorld(database), world]) {
      await apply({ chats: others }, chatId, inputFor("sendQueue", newChat()));
      expect(await told()).toBe(1);
      await apply({ chats: others }, chatId, inputFor("interrupt", newChat()));
    }
  });

  describe("that this replica has left idle", () => {
    /** What a message took, and what it left. */
    async function idleChat(database: Database, reserve: ReservePlace = () => undefined) {
      const statements: string[] = [];
      const counted: Database = {
        ...methodsOf(database),
        query: (statement, values) => {
          statements.push(statement.name);
          return database.query(statement, values);
        },
        transaction: (work, options) => {
          statements.push("begin");
          return database.transaction((tx) => {
            const count = (name: string): void => void statements.push(name);
            return work({
              script: (text) => tx.script(text),
              finish: (last) => tx.finish(last),
              query: (statement, values) => (count(statement.name), tx.query(statement, values)),
              execute: (statement, values) => (count(statement.name), tx.execute(statement, values)),
            });
          }, options);
        },
      };
      const published: ChatNotification[] = [];
      const chats = new Chats({
        database: counted,
        leaseMs,
        publish: (notification) => published.push(notification),
        reserve,
      });
      const chatId = randomUUID();
      const chat = {
        id: chatId,
        owner: "alice",
        title: "t",
        labels: {},
        model,
        system: [],
        first: undefined,
      };
      await chats.create(
        () => chat,
        () => undefined,
      );
      [statements, published].forEach((list) => (list.length = 0));
      const send = (options: { owner?: string; key?: Idempotency<undefined>; said?: StoredPart[] } = {}) => {
        const { owner = "alice", key, said } = options;
        const message = { ...userMessage("hello"), ...(said && { parts: said }) };
        const request = () => ({ type: "Send", message, whenBusy: "queue" }) as const;
        return chats.request({ chatId, owner }, request, () => undefined, key);
      };
      return { chats, chatId, statements, published, send };
    }

    it("take a message with one statement", async () => {
      await using opened = await openTestDatabase(engine);
      const { chats, chatId, statements, published, send } = await idleChat(opened.database);
      await send();
      expect(statements).toEqual(["change_chat_messages"]);
      const state = await chats.readState(chatId);
      expect(published.map((news) => [news.chatId, Number(news.snapshotVersion)])).toEqual([
        [chatId, state?.versions.snapshot],
      ]);
      const history = await readHistory(opened.database, chatId);
      expect(history.map(({ role, revision }) => [role, revision])).toEqual([
        ["user", state?.versions.history],
      ]);
    });

    it.each([[false], [true]])(
      "are taken with the message that they get (repeatable: %s)",
      async (isKeyed) => {
        await using opened = await openTestDatabase(engine);
        const { database } = opened;
        await beatFor(database, workers[0]);
        const taken: Acquired[] = [];
        let free = 1;
        const reserve: ReservePlace = (id) => {
          if (free === 0) return undefined;
          free -= 1;
          return {
            workerId: workers[0],
            readHistory: () => readHistory(database, id),
            run: (acquired) => taken.push(acquired),
            [Symbol.dispose]: () => void (free += 1),
          };
        };
        const { chats, chatId, statements, published, send } = await idleChat(database, reserve);
        const key = isKeyed ? newKey() : undefined;
        await send(key && { key });
        const change = isKeyed ? "change_chat_messages_once" : "change_chat_messages";
        const others = ["begin", "lock_idempotency_key", "select_idempotency_key", "insert_idempotency_key"];
        expect(statements.filter((name) => !others.includes(name))).toEqual([change]);
        const [got] = taken;
        expect(got).toMatchObject({ begun: true, takenOver: false, waitedMs: 0 });
        expect(got?.state).toMatchObject({
          phase: { status: "running", owner: { workerId: workers[0] } },
          generationAttempt: 1,
        });
        expect(await chats.readState(chatId)).toEqual(got?.state);
        expect(await got?.history).toEqual(await readHistory(database, chatId));
        expect(published).toHaveLength(1);
        // Nothing comes of it a second time, nor of what is said meanwhile, and the place is free again.
        if (key !== undefined) await send({ key });
        await send();
        expect([taken.length, free]).toEqual([1, 1]);
      },
    );

    it("take a repeatable one without being read, and once (MSG-4)", async () => {
      await using opened = await openTestDatabase(engine);
      const { chatId, statements, published, send } = await idleChat(opened.database);
      const key = newKey();
      const keyStatements = ["lock_idempotency_key", "select_idempotency_key"];
      await send({ key });
      expect(statements).toEqual([
        "begin",
        ...keyStatements,
        "change_chat_messages_once",
        "insert_idempotency_key",
      ]);
      await send({ key });
      expect(published).toHaveLength(1);
      expect(await readHistory(opened.database, chatId)).toHaveLength(1);
    });

    it("take a message that is repeated when its turn is over once all the same (MSG-4)", async () => {
      await using opened = await openTestDatabase(engine);
      const { chats, chatId, published, send, statements } = await idleChat(opened.database);
      const key = newKey();
      await send({ key });
      await beatFor(opened.database, workers[0]);
      let [state] = (await chats.acquire(workers[0], 1, [])).map((acquired) => acquired.state);
      for (const move of ["begin", "commitText", "finish"] as Move[]) {
        if (state === undefined) throw new Error("the chat is gone");
        const outcome = await apply({ chats }, chatId, inputFor(move, state), { believed: state });
        state = outcome as ChatState;
      }
      [statements, published].forEach((list) => (list.length = 0));
      await send({ key });
      expect(statements).toContain("change_chat_messages_once");
      expect(published).toEqual([]);
      expect(await chats.readState(chatId)).toEqual(state);
      expect(await readHistory(opened.database, chatId)).toHaveLength(2);
    });

    it.each([[undefined], [newKey()]])("are looked at when another replica has changed them", async (key) => {
      await using opened = await openTestDatabase(engine);
      const { chats, chatId, send } = await idleChat(opened.database);
      await apply(openWorld(opened.database), chatId, inputFor("sendQueue", newChat()));
      await send(key && { key: { ...key, key: randomUUID() } });
      // It waits for its turn: the other one runs.
      const state = await chats.readState(chatId);
      expect(state?.queue).toMatchObject([{ parts: userMessage("hello").parts }]);
      expect(await readHistory(opened.database, chatId)).toHaveLength(1);
    });

    it("are looked at after a message failed, as it does where rows were changed without a version", async () => {
      await using opened = await openTestDatabase(engine);
      const { chatId, send } = await idleChat(opened.database);
      await opened.database.script(`update chats set last_message_id = 1 where id = '${chatId}';
        insert into messages (chat_id, id, revision, role, content, content_version)
        select id, 1, snapshot_version, 'user', '[]', 2 from chats where id = '${chatId}'`);
      await expect(send()).rejects.toBeInstanceOf(DatabaseError);
      await send();
      expect((await readHistory(opened.database, chatId)).map(({ id }) => id)).toEqual([1, 2]);
    });

    it("are nobody else's, and what cannot be carried out changes nothing", async () => {
      await using opened = await openTestDatabase(engine);
      const { chats, chatId, published, send } = await idleChat(opened.database);
      await expect(send({ owner: "bob" })).rejects.toMatchObject({ reason: "CHAT_NOT_FOUND" });
      const file = { type: "file", file_id: randomUUID(), media_type: "text/plain" } as const;
      await expect(send({ said: [file] })).rejects.toMatchObject({ reason: "FILE_NOT_FOUND" });
      const unknownModel = () => {
        throw new PalaverError("invalid_argument", "UNKNOWN_MODEL", "there is no such model");
      };
      const target = { chatId, owner: "alice" };
      await expect(chats.request(target, unknownModel, () => undefined)).rejects.toMatchObject({
        reason: "UNKNOWN_MODEL",
      });
      expect([...published, ...(await readHistory(opened.database, chatId))]).toEqual([]);
    });
  });
});
