import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Acquired,
  Chats,
  type ChatState,
  type Idempotency,
  type Place,
  RecentCommits,
  type ReservePlace,
  type WorkerInput,
} from "../../src/chat/index.js";
import { createChatState } from "../../src/chat/create-chat-state.js";
import {
  allMoves,
  fenceOf,
  inputFor,
  model,
  type Move,
  newChat,
  ownerDies,
  userMessage,
  workerMoves,
} from "../../src/chat/machine.fixture.js";
import { transition } from "../../src/chat/transition.js";
import type { TransitionInput } from "../../src/chat/transition-input.js";
import type { ChatNotification } from "../../src/gen/palaver/relay/v1/notification_pb.js";
import { ManualClock } from "../../src/platform/index.js";
import { PalaverError, type StoredPart } from "../../src/protocol/index.js";
import {
  type Database,
  DatabaseError,
  readChat,
  readChatView,
  readHistory,
  readMessages,
  removeReplica,
} from "../../src/store/index.js";
import { engines, methodsOf, openTestDatabase } from "../kit/databases.js";
import { beatFor } from "../kit/heartbeat.js";

const wholeView = { sinceVersion: 0, afterMessageId: 0, resetSinceVersion: 0 };

const leaseMs = 60_000;

interface World {
  readonly database: Database;
  readonly chats: Chats;
  readonly published: ChatNotification[];
  readonly recent: RecentCommits;
  /** Whether the first worker, which is of this replica, takes what is left to be run. */
  hasRoom: boolean;
  /** What it took. */
  readonly taken: Acquired[];
  /** How many places were asked for and are not free again. */
  places: number;
}

function openWorld(database: Database): World {
  const published: ChatNotification[] = [];
  const recent = new RecentCommits({ clock: new ManualClock() });
  const publish = (notification: ChatNotification): void => void published.push(notification);
  const reserve = (chatId: string): Place | undefined => {
    if (!world.hasRoom) return undefined;
    world.places += 1;
    return {
      workerId: workers[0],
      readHistory: () => readHistory(database, chatId),
      run: (acquired) => void world.taken.push(acquired),
      [Symbol.dispose]: () => void (world.places -= 1),
    };
  };
  const chats = new Chats({ database, leaseMs, publish, recent, reserve });
  const world: World = { database, chats, published, recent, hasRoom: false, taken: [], places: 0 };
  return world;
}

/** Holds what is known of the last commits of a chat against what the database says. Returns whether there was anything. */
async function compareRecent({ database, recent }: World, chatId: string, known: number): Promise<boolean> {
  const changes = recent.since(chatId, "alice", known);
  const view = await readChatView(database, chatId, "alice", {
    sinceVersion: known,
    afterMessageId: 0,
    resetSinceVersion: known,
  });
  // Another replica may have gone on.
  if (changes === undefined || changes.chat.snapshotVersion !== view?.chat.snapshotVersion) return false;
  expect(changes).toEqual({ chat: view.chat, messages: view.messages });
  expect([view.reset, view.chat.queueVersion > known && view.queue.length > 0]).toEqual([false, false]);
  return true;
}

async function createChat({ chats }: World, owner = "alice"): Promise<string> {
  const id = randomUUID();
  const chat = { id, owner, title: "t", labels: {}, model, system: [], first: userMessage("hello") };
  return chats.create(
    () => chat,
    () => id,
  );
}

/** Makes a request repeatable that answers nothing. */
function newKey(): Idempotency<undefined> {
  return {
    owner: "alice",
    key: randomUUID(),
    requestHash: Buffer.from("the request"),
    encode: () => new Uint8Array(),
    decode: () => undefined,
  };
}

/** Carries out an input like a client or a worker would; the refusal, if it was refused. */
async function apply(
  { chats }: Pick<World, "chats">,
  chatId: string,
  input: TransitionInput,
  { believed, follow, key }: { believed?: ChatState; follow?: Move; key?: Idempotency<undefined> } = {},
): Promise<string | ChatState | undefined> {
  try {
    switch (input.type) {
      case "Send":
      case "Interrupt":
      case "SubmitToolResults":
      case "DeleteQueued":
      case "PromoteQueued":
      case "Archive":
      case "Unarchive":
      case "Delete":
      case "Edit":
        return await chats.request({ chatId, owner: "alice" }, input, () => undefined, key);
      case "UpdateMetadata":
        return await chats.request(
          { chatId, owner: "alice" },
          { type: "UpdateMetadata", metadata: {} },
          () => undefined,
        );
      case "Compact":
        throw new Error("no client asks for this yet");
      default: {
        const next = (chat: ChatState) => workerInput(follow, chat);
        const outcome = await chats.work(chatId, input, believed, next);
        return "refused" in outcome ? outcome.refused : outcome.state;
      }
    }
  } catch (error) {
    if (PalaverError.is(error)) return error.reason;
    throw error;
  }
}

function atMost(version: number, versions: ChatState["versions"]): ChatState["versions"] {
  const all: Readonly<Record<string, number>> = { ...versions };
  const capped = Object.entries(all).map(([name, each]) => [name, Math.min(each, version)] as const);
  return { ...versions, ...Object.fromEntries(capped) };
}

/** What becomes of a chat that a request has left like that, if a worker takes it with the same commit. */
function takenWith(before: ChatState, after: ChatState): ChatState | undefined {
  const { phase, checkpoint } = after;
  if (phase.status !== "running" || phase.owner !== undefined || checkpoint !== undefined) return undefined;
  const acquired = transition(after, { type: "Acquire", workerId: workers[0] });
  if (!acquired.ok || acquired.chat === undefined) return undefined;
  const begun = transition(acquired.chat, inputFor("begin", acquired.chat));
  const hasBegun = acquired.chat.openCalls.length === 0 && begun.ok && begun.chat !== undefined;
  const taken = hasBegun ? begun.chat : acquired.chat;
  return { ...taken, versions: atMost(before.versions.snapshot + 1, taken.versions) };
}

/** What a worker would ask for with that move; undefined for a move of a client. */
function workerInput(move: Move | undefined, chat: ChatState): WorkerInput | undefined {
  const input = move && inputFor(move, chat);
  return input !== undefined && "fence" in input ? input : undefined;
}

const workers = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"] as const;

/** The database wants UUIDs where the machine takes any name. */
function withUuidWorker(input: TransitionInput): TransitionInput {
  if (input.type === "Acquire")
    return { ...input, workerId: input.workerId === "worker-a" ? workers[0] : workers[1] };
  return input;
}

const moves = allMoves.filter((move) => !move.startsWith("compact"));
interface Step {
  readonly move: Move | "die";
  /** How many inputs ago the chat was what whoever does it believes that it is; undefined: believes nothing. */
  readonly behind: number | undefined;
  /** What a worker asks for with it, to follow at once. */
  readonly follow: Move | undefined;
  /** By way of another replica, which does not know what this one has left. */
  readonly elsewhere: boolean;
  /** A client's request is repeatable. */
  readonly keyed: boolean;
  /** The first worker takes what a client leaves by way of its own replica. */
  readonly room: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  move: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...moves) }, fc.constant("die" as const)),
  behind: fc.oneof(fc.constant(0), fc.constantFrom(undefined, 1, 2)),
  follow: fc.option(fc.constantFrom(...workerMoves), { nil: undefined }),
  elsewhere: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
  keyed: fc.boolean(),
  room: fc.boolean(),
});
const here = { behind: 0, follow: undefined, elsewhere: false, keyed: false, room: false } as const;
/** Without them, it would be chance whether one follows another, and whether a chat is idle when a message comes. */
const wholeTurn: Step[] = [
  { ...here, move: "acquire" },
  { ...here, move: "begin" },
  { ...here, move: "commitText", follow: "finish" },
];
const twoTurns: Step[] = [...wholeTurn, { ...here, move: "sendQueue" }, ...wholeTurn];
const changedElsewhere: Step[] = [...wholeTurn, { ...here, move: "rename", elsewhere: true }];
const examples: [Step[]][] = [
  [twoTurns],
  [[...twoTurns, { ...here, move: "sendQueue", keyed: true }]],
  [[...changedElsewhere, { ...here, move: "sendQueue" }]],
  [[...changedElsewhere, { ...here, move: "sendQueue", keyed: true }]],
  [
    [
      ...wholeTurn,
      { ...here, move: "sendQueue", room: true },
      { ...here, move: "commitText", follow: "finish" },
      { ...here, move: "sendQueue", room: true, keyed: true },
    ],
  ],
  [[...changedElsewhere, { ...here, move: "sendQueue", room: true }]],
  [[...changedElsewhere, { ...here, move: "sendQueue", room: true, keyed: true }]],
  [[...twoTurns, { ...here, move: "edit", room: true }]],
  // Acquired from a dead owner, with something to follow that changes nothing.
  [
    [
      { ...here, move: "acquireOther" },
      { ...here, move: "die" },
      { ...here, move: "acquire", follow: "startCalls" },
    ],
  ],
];

describe.each(engines)("chats on %s", (engine) => {
  it("end like the machine says, after any sequence of inputs", { timeout: 120_000 }, async () => {
    await using opened = await openTestDatabase(engine);
    const world = openWorld(opened.database);
    const otherWorld = openWorld(opened.database);
    let [followed, compared, taken] = [0, 0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (sequence) => {
        for (const id of workers) await beatFor(world.database, id);
        const chatId = await createChat(world);
        let expected: ChatState = createChatState(model, [], userMessage("hello")).after;
        const history: { role: string; parts: readonly StoredPart[]; interrupted: boolean; id: number }[] = [
          ...createChatState(model, [], userMessage("hello")).inserted,
        ];
        const earlier: ChatState[] = [];
        for (const { move, behind, follow, elsewhere, keyed, room } of sequence) {
          if (move === "die") {
            await removeReplica(
              world.database,
              fenceOf(expected).workerId === "nobody" ? workers[0] : fenceOf(expected).workerId,
            );
            expected = ownerDies(expected);
            continue;
          }
          const input = withUuidWorker(resolveEdit(inputFor(move, expected), history));
          const hasRoom = room && !elsewhere && !workerMoves.includes(move);
          const beating = hasRoom ? workers[0] : input.type === "Acquire" ? input.workerId : undefined;
          if (beating !== undefined) await beatFor(world.database, beating);
          const alive = reviveIfShared(expected, beating);
          const next = transition(alive, input);
          earlier.push(alive);
          const before = behind === undefined ? undefined : earlier.at(-1 - behind);
          // What is kept without a version only whoever runs the chat writes, and knows.
          const isSameVersion = before?.versions.snapshot === alive.versions.snapshot;
          const believed = isSameVersion ? alive : before;
          world.hasRoom = hasRoom;
          world.taken.length = 0;
          const outcome = await apply(elsewhere ? otherWorld : world, chatId, input, {
            ...(believed && { believed }),
            ...(follow && { follow }),
            ...(keyed && { key: newKey() }),
          });
          world.hasRoom = false;
          if (next.ok) expect(outcome).not.toBeTypeOf("string");
          else expect(outcome).toBe(next.refusal);
          expected = alive;
          if (!next.ok || next.chat === undefined) continue;
          // A fenced write proves that the worker lives, but it does not make its replica beat again.
          expected = "fence" in input && isOrphan(alive) ? ownerDies(next.chat) : next.chat;
          const { hiddenFrom } = next;
          if (hiddenFrom !== undefined) {
            history.splice(0, history.length, ...history.filter((message) => message.id < hiddenFrom));
          }
          history.push(...next.inserted);
          const own = hasRoom && next.chat !== alive ? takenWith(alive, next.chat) : undefined;
          expect(world.taken.map(({ state }) => state)).toEqual(own === undefined ? [] : [own]);
          expected = own ?? expected;
          for (const { begun, history: known } of world.taken) {
            taken += 1;
            expect(begun).toBe(expected.generationAttempt > next.chat.generationAttempt);
            if (known !== undefined) expect(await known).toEqual(await readHistory(world.database, chatId));
          }
          const second = workerInput(follow, next.chat);
          const after = second && transition(next.chat, second);
          if (!after?.ok || after.chat === undefined) continue;
          // Both are one change.
          const both = { ...after.chat, versions: atMost(alive.versions.snapshot + 1, after.chat.versions) };
          if (!isDeepStrictEqual(outcome, both)) continue;
          followed += 1;
          expected = "fence" in input && isOrphan(alive) ? ownerDies(both) : both;
          history.push(...after.inserted);
        }
        expect(world.places).toBe(0);
        for (const known of [1, 2, 4].map((behind) => expected.versions.snapshot - behind))
          if (await compareRecent(world, chatId, known)) compared += 1;
        expect(await world.chats.readState(chatId)).toEqual(expected);
        const stored = await readHistory(world.database, chatId);
        expect(stored.map(({ id, role, parts, interrupted }) => ({ id, role, parts, interrupted }))).toEqual(
          history.map(({ id, role, parts, interrupted }) => ({ id, role, parts, interrupted })),
        );
      }),
      { numRuns: engine === "postgres" ? 60 : 40, examples },
    );
    expect([followed, compared, taken].every((count) => count > 0)).toBe(true);
  });

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

  it("announce every change once, after the commit (CHAT-2, BUS-3)", async () => {
    await using opened = await openTestDatabase(engine);
    const world = openWorld(opened.database);
    const chatId = await createChat(world);
    for (const move of ["sendQueue", "interrupt", "interrupt", "rename", "archive", "unarchive"] as Move[]) {
      const state = await world.chats.readState(chatId);
      if (state === undefined) throw new Error("the chat exists");
      await apply(world, chatId, inputFor(move, state));
    }
    const versions = world.published.map((notification) => Number(notification.snapshotVersion));
    expect(versions).toEqual(versions.map((_, index) => index + 1));
    expect((await world.chats.readState(chatId))?.versions.snapshot).toBe(versions.at(-1));
  });

  it("serialise requests that come at once: none is lost, and the order is one", async () => {
    await using opened = await openTestDatabase(engine);
    const world = openWorld(opened.database);
    const chatId = await createChat(world);
    const texts = Array.from({ length: 12 }, (_, index) => `message ${index}`);
    await Promise.all(
      texts.map((text) =>
        world.chats.request(
          { chatId, owner: "alice" },
          { type: "Send", message: userMessage(text), whenBusy: "queue" },
          ({ queued }) => queued,
        ),
      ),
    );
    const view = await readChatView(world.database, chatId, "alice", wholeView);
    const queued = view?.queue.map((item) => (item.parts[0]?.type === "text" ? item.parts[0].text : ""));
    expect(queued?.toSorted()).toEqual(texts.toSorted());
    expect(new Set(view?.queue.map((item) => item.id)).size).toBe(texts.length);
  });

  it("give each chat with work to one worker only", async () => {
    await using opened = await openTestDatabase(engine);
    const world = openWorld(opened.database);
    const ids = await Promise.all(Array.from({ length: 12 }, () => createChat(world)));
    const many = Array.from({ length: 8 }, () => randomUUID());
    for (const id of many) await beatFor(world.database, id);
    const rounds = await Promise.all(many.map((worker) => world.chats.acquire(worker, 3, [])));
    const taken = rounds.flat().map(({ chat }) => chat.id);
    expect(new Set(taken).size).toBe(taken.length);
    await beatFor(world.database, workers[0]);
    const rest = await world.chats.acquire(workers[0], 100, []);
    expect([...taken, ...rest.map(({ chat }) => chat.id)].toSorted()).toEqual(ids.toSorted());
    expect(await world.chats.acquire(workers[1], 100, [])).toEqual([]);
  });

  it("come back to the worker that owns them and does not run them, under a new lease (CHAT-6)", async () => {
    await using opened = await openTestDatabase(engine);
    const world = openWorld(opened.database);
    await beatFor(world.database, workers[0]);
    const chatId = await createChat(world);
    const [first] = await world.chats.acquire(workers[0], 1, []);
    expect(await world.chats.acquire(workers[0], 1, [chatId])).toEqual([]);
    const [again] = await world.chats.acquire(workers[0], 1, []);
    expect(again?.state?.leaseEpoch).toBe((first?.state?.leaseEpoch ?? 0) + 1);
    const fence = { workerId: workers[0], leaseEpoch: first?.state?.leaseEpoch ?? 0 };
    expect(await world.chats.work(chatId, { type: "Release", fence })).toEqual({ refused: "STALE" });
  });

  it("are taken over once their worker's heartbeat is older than the lease", async () => {
    await using opened = await openTestDatabase(engine);
    const world = openWorld(opened.database);
    for (const id of workers) await beatFor(world.database, id);
    await createChat(world);
    const [first] = await world.chats.acquire(workers[0], 1, []);
    expect(await world.chats.acquire(workers[1], 1, [])).toEqual([]);
    await world.database.script(
      `update replicas set heartbeat_at = clock_timestamp() - interval '${leaseMs + 1} milliseconds' where id = '${workers[0]}'`,
    );
    const [second] = await world.chats.acquire(workers[1], 1, []);
    expect(second?.state?.leaseEpoch).toBe((first?.state?.leaseEpoch ?? 0) + 1);
    const fence = { workerId: workers[0], leaseEpoch: 1 };
    expect(await world.chats.work(first?.chat.id ?? "", { type: "Release", fence })).toEqual({
      refused: "STALE",
    });
  });

  it("read and acquire a chat whose row holds what nobody understands", async () => {
    await using opened = await openTestDatabase(engine);
    const world = openWorld(opened.database);
    const [odd, failed, fine] = [await createChat(world), await createChat(world), await createChat(world)];
    await world.database.script(`
      update chats set retry = '1', open_calls = '"x"', labels = '[]' where id = '${odd}';
      update chats set status = 'error', error = '"boom"' where id = '${failed}';
      update messages set usage = '"x"' where chat_id = '${odd}'`);
    const view = await readChatView(world.database, odd, "alice", wholeView);
    expect(view?.chat).toMatchObject({ retry: undefined, openCalls: [], labels: {} });
    expect(view?.messages).toHaveLength(1);
    const { error } = (await readChat(world.database, failed, "alice")) ?? {};
    expect(error).toEqual({ message: "boom", kind: "generic" });
    const worker = randomUUID();
    await beatFor(world.database, worker);
    const acquired = await world.chats.acquire(worker, 10, []);
    expect(acquired.map(({ chat }) => chat.id).toSorted()).toEqual([odd, fine].toSorted());
  });

  it("store any text that a title, a label, a part or an error may hold (PART-5)", async () => {
    await using opened = await openTestDatabase(engine);
    const world = openWorld(opened.database);
    const text = fc.string({
      unit: fc.constantFrom("\u0000", "\ue000", "\ue001", "\ud83d", "\ude00", "é", '"', "\\", "a"),
    });
    await fc.assert(
      fc.asyncProperty(text, async (odd) => {
        const id = randomUUID();
        const first = { parts: [{ type: "text" as const, text: odd }], author: "alice", model };
        await world.chats.create(
          () => ({ id, owner: "alice", title: odd, labels: { key: odd }, model, system: [], first }),
          () => id,
        );
        const view = await readChatView(world.database, id, "alice", wholeView);
        const expected = odd.toWellFormed();
        expect(view?.chat.title).toBe(expected);
        expect(view?.chat.labels).toEqual({ key: expected });
        expect(view?.messages[0]?.parts).toEqual([{ type: "text", text: expected }]);
        expect(
          (await readMessages(world.database, id, "alice", { afterId: 0, limit: 10, maxBytes: 1_000 }))
            .messages[0]?.parts,
        ).toEqual(view?.messages[0]?.parts);
      }),
      { numRuns: 40 },
    );
  });
});

describe.each(engines)("a request with an idempotency key on %s", (engine) => {
  const idempotency = (requestHash: number) => ({
    owner: "alice",
    key: "k",
    requestHash: new Uint8Array([requestHash]),
    encode: (text: string) => Buffer.from(text),
    decode: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
  });

  it("has one effect and one result, also when it is repeated at once", async () => {
    await using opened = await openTestDatabase(engine);
    const world = openWorld(opened.database);
    const chatId = await createChat(world);
    const send = (hash: number): Promise<string> =>
      world.chats.request(
        { chatId, owner: "alice" },
        { type: "Send", message: userMessage("once"), whenBusy: "queue" },
        ({ queued }) => `queued ${queued?.id ?? "nowhere"}`,
        idempotency(hash),
      );
    expect(await Promise.all([send(1), send(1), send(1)])).toEqual(["queued 1", "queued 1", "queued 1"]);
    expect((await world.chats.readState(chatId))?.queue).toHaveLength(1);
    await expect(send(2)).rejects.toMatchObject({ reason: "IDEMPOTENCY_KEY_REUSED" });
  });

  it("that was refused may be repeated", async () => {
    await using opened = await openTestDatabase(engine);
    const world = openWorld(opened.database);
    const chatId = await createChat(world);
    const archive = { type: "Archive" } as const;
    const target = { chatId, owner: "alice" };
    await expect(world.chats.request(target, archive, () => "done", idempotency(1))).rejects.toMatchObject({
      reason: "CHAT_BUSY",
    });
    await world.chats.request(target, { type: "Interrupt" }, () => undefined);
    expect(await world.chats.request(target, archive, () => "done", idempotency(1))).toBe("done");
  });
});

it("somebody else's chat is as unknown as one that never was (ERR-5)", async () => {
  await using opened = await openTestDatabase("pglite");
  const world = openWorld(opened.database);
  const chatId = await createChat(world);
  const interrupt = (id: string): Promise<unknown> =>
    world.chats.request({ chatId: id, owner: "mallory" }, { type: "Interrupt" }, () => undefined);
  const [theirs, unknown] = await Promise.allSettled([interrupt(chatId), interrupt(randomUUID())]);
  expect(theirs).toEqual(unknown);
  expect(theirs).toMatchObject({ status: "rejected", reason: { reason: "CHAT_NOT_FOUND" } });
});

/** The role that the database finds at the message, instead of the one that the fixture supposes. */
function resolveEdit(
  input: TransitionInput,
  history: readonly { id: number; role: string }[],
): TransitionInput {
  if (input.type !== "Edit") return input;
  const role = history.find((message) => message.id === input.messageId)?.role as "user" | undefined;
  return { ...input, targetRole: role };
}

function isOrphan(chat: ChatState): boolean {
  const { phase } = chat;
  return (phase.status === "running" || phase.status === "interrupting") && phase.owner?.alive === false;
}

/** A replica that beats: if it owned the chat already, its ownership revives. */
function reviveIfShared(chat: ChatState, beating: string | undefined): ChatState {
  const { phase } = chat;
  if (beating === undefined || (phase.status !== "running" && phase.status !== "interrupting")) return chat;
  if (phase.owner?.workerId !== beating) return chat;
  return { ...chat, phase: { ...phase, owner: { ...phase.owner, alive: true } } };
}
