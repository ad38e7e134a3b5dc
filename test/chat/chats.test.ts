import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChatState } from "../../src/chat/index.js";
import { createChatState } from "../../src/chat/create-chat-state.js";
import {
  allMoves,
  fenceOf,
  inputFor,
  model,
  type Move,
  ownerDies,
  userMessage,
  workerMoves,
} from "../../src/chat/machine.fixture.js";
import { transition } from "../../src/chat/transition.js";
import type { TransitionInput } from "../../src/chat/transition-input.js";
import type { StoredPart } from "../../src/protocol/index.js";
import { readChat, readChatView, readHistory, readMessages, removeReplica } from "../../src/store/index.js";
import { engines, openTestDatabase } from "../kit/databases.js";
import { beatFor } from "../kit/heartbeat.js";
import {
  apply,
  createChat,
  leaseMs,
  newKey,
  openWorld,
  type World,
  workerInput,
  workers,
} from "./chats.fixture.js";

const wholeView = { sinceVersion: 0, afterMessageId: 0, resetSinceVersion: 0 };

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
  const isDue = acquired.chat.openCalls.length === 0 && phase.retry === undefined;
  const hasBegun = isDue && begun.ok && begun.chat !== undefined;
  const taken = hasBegun ? begun.chat : acquired.chat;
  return { ...taken, versions: atMost(before.versions.snapshot + 1, taken.versions) };
}

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
  // Left to wait for the next attempt, and touched meanwhile.
  [
    [
      { ...here, move: "acquire" },
      { ...here, move: "begin" },
      { ...here, move: "retry" },
      { ...here, move: "release" },
      { ...here, move: "rename", room: true },
    ],
  ],
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
