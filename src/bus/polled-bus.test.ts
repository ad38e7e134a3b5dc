import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { type ChatNotification, ChatNotificationSchema } from "../gen/palaver/relay/v1/notification_pb.js";
import { type Logger, ManualClock, type Random, silentLogger, systemRandom } from "../platform/index.js";
import type { Bus, ChatListener } from "./bus.js";
import { PolledBus } from "./polled-bus.js";

const pollMs = 10_000;
const hourMs = 3_600_000;
/** How long requests gather. */
const gatherMs = 10;

let clock: ManualClock;
let source: SourceBus;
let database: TestDatabase;
let logged: string[];
/** What chance says; 0: the shortest pauses. */
let fraction: number;
let bus: PolledBus;

beforeEach(() => {
  clock = new ManualClock();
  source = new SourceBus();
  database = new TestDatabase();
  logged = [];
  fraction = 0;
  bus = openBus();
});

function openBus(everyMs = pollMs): PolledBus {
  const log = (_fields: unknown, message?: string): void => void logged.push(message ?? "");
  const logger: Logger = { ...silentLogger, info: log, warn: log, error: log, child: () => logger };
  const random: Random = { ...systemRandom, fraction: () => fraction };
  return new PolledBus({
    bus: source,
    readHeads: (ids) => database.readHeads(ids),
    pollMs: everyMs,
    clock,
    random,
    logger,
  });
}

/** The bus below: says what the test says. */
class SourceBus implements Bus {
  readonly listeners = new Map<string, Set<ChatListener>>();
  readonly published: unknown[] = [];
  disposed = false;

  publish(...announced: Parameters<Bus["publish"]>): void {
    this.published.push(announced);
  }

  say(chatId: string, notification: ChatNotification | undefined): void {
    for (const listener of this.listeners.get(chatId) ?? []) listener(notification);
  }

  /** Something may have been missed of each. */
  miss(...chatIds: readonly string[]): void {
    for (const chatId of chatIds) this.say(chatId, undefined);
  }

  watchChat(chatId: string, listener: ChatListener): Disposable {
    const listeners = this.listeners.get(chatId) ?? new Set();
    this.listeners.set(chatId, listeners.add(listener));
    return { [Symbol.dispose]: () => void listeners.delete(listener) };
  }

  watchOwner = (): Disposable => ({ [Symbol.dispose]: () => undefined });
  watchRunnable = (): Disposable => ({ [Symbol.dispose]: () => undefined });

  [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
    return Promise.resolve();
  }
}

/** A database of chats that answers when the test says so, with what was true when it was asked. */
class TestDatabase {
  readonly versions = new Map<string, number>();
  /** What is being read: never more than one statement at a time. */
  readonly reads: { readonly chatIds: readonly string[]; answer(): void; fail(): void }[] = [];
  /** Of how many chats each read was. */
  readonly sizes: number[] = [];

  readHeads(chatIds: readonly string[]): Promise<readonly ChatNotification[]> {
    if (this.reads.length > 0) throw new Error("a read began while another was under way");
    this.sizes.push(chatIds.length);
    const heads = chatIds.flatMap((chatId) => {
      const version = this.versions.get(chatId);
      return version === undefined ? [] : [head(chatId, version)];
    });
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.reads.length = 0;
        settle();
      };
      this.reads.push({
        chatIds,
        answer: () => end(() => resolve(heads.reverse())),
        fail: () => end(() => reject(new Error("the database is away"))),
      });
    });
  }

  take(): TestDatabase["reads"][number] {
    const [read] = this.reads;
    if (read === undefined) throw new Error("nothing is being read");
    return read;
  }
}

function head(chatId: string, version: number): ChatNotification {
  return create(ChatNotificationSchema, { chatId, snapshotVersion: BigInt(version) });
}

interface Ear extends Disposable {
  /** Versions; "look" where there was no notification. */
  readonly heard: (number | "look")[];
}

function listen(chatId: string): Ear {
  const heard: Ear["heard"] = [];
  const watch = bus.watchChat(chatId, (notification) =>
    heard.push(notification === undefined ? "look" : Number(notification.snapshotVersion)),
  );
  return { heard, [Symbol.dispose]: () => watch[Symbol.dispose]() };
}

function chats(count: number, version?: number): string[] {
  const ids = Array.from({ length: count }, (_, index) => `chat ${index}`);
  if (version !== undefined) for (const id of ids) database.versions.set(id, version);
  return ids;
}

/** Lets what was answered, and what fell due, be dealt with. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

async function pass(ms: number): Promise<void> {
  await settle();
  clock.advance(ms);
  await settle();
}

/** What was requested is read, and answered. */
async function look(): Promise<void> {
  await pass(gatherMs);
  database.take().answer();
  await settle();
}

test("what is announced is told at once to all who listen to that chat, and what is said of it passes through", async () => {
  const [first, second, other] = [listen("a"), listen("a"), listen("b")];
  source.say("a", head("a", 3));
  expect([first.heard, second.heard, other.heard]).toEqual([[3], [3], []]);
  first[Symbol.dispose]();
  source.say("a", head("a", 4));
  expect([first.heard, second.heard, other.heard]).toEqual([[3], [3, 4], []]);
  bus.publish(head("a", 5), "ada");
  expect(source.published).toEqual([[head("a", 5), "ada"]]);
  await pass(gatherMs);
  expect(database.sizes).toEqual([]);
});

test("a chat is watched below once, for as long as anybody listens", () => {
  const count = (): number => source.listeners.get("a")?.size ?? 0;
  const listener = (): void => undefined;
  const [first, second] = [bus.watchChat("a", listener), bus.watchChat("a", listener)];
  expect(count()).toBe(1);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  expect(count()).toBe(1);
  second[Symbol.dispose]();
  expect(count()).toBe(0);
  const third = bus.watchChat("a", listener);
  second[Symbol.dispose]();
  expect(count()).toBe(1);
  third[Symbol.dispose]();
  expect(count()).toBe(0);
});

test("BUS-5: whatever was lost, all watched chats are looked at once per interval, a thousand with one statement, one after the other", async () => {
  const ears = chats(2_500, 7).map(listen);
  const more = listen("chat 0");
  await pass(pollMs * 0.8);
  for (const size of [1_000, 1_000, 500]) {
    await pass(gatherMs);
    expect(database.sizes.at(-1)).toBe(size);
    database.take().answer();
    await settle();
  }
  expect(new Set([...ears, more].flatMap(({ heard }) => heard))).toEqual(new Set([7]));
  expect([...ears, more].every(({ heard }) => heard.length === 1)).toBe(true);
  await pass(pollMs * 0.8 - 3 * gatherMs - 1);
  expect(database.sizes).toHaveLength(3);
  await pass(1);
  await pass(gatherMs);
  expect(database.sizes).toHaveLength(4);
});

test("BUS-5: the interval is never exceeded, and not the same for all replicas", async () => {
  using _a = listen("a");
  for (const [chance, ms] of [
    [0.5, 8_000],
    [0.999, 9_000],
    [0, 9_998],
    [0, 8_000],
  ] as const) {
    fraction = chance;
    await settle();
    expect(clock.nextDueMs).toBe(ms - (database.sizes.length === 0 ? 0 : gatherMs));
    await pass(clock.nextDueMs ?? 0);
    await look();
  }
});

test("while nobody listens nothing is read", async () => {
  listen("a")[Symbol.dispose]();
  await pass(pollMs * 5);
  expect(database.sizes).toEqual([]);
});

test("BUS-5: many chats of which something may have been missed are looked at together, at once, each once", async () => {
  const ids = chats(1_500, 4);
  const ears = ids.map(listen);
  source.miss(...ids);
  source.miss(...ids);
  await look();
  await look();
  expect(database.sizes).toEqual([1_000, 500]);
  expect(clock.monotonicMs()).toBe(2 * gatherMs);
  expect(ears.every(({ heard }) => heard.join() === "4")).toBe(true);
  await pass(gatherMs);
  expect(database.reads).toEqual([]);
});

test("what comes within ten milliseconds is read together", async () => {
  const ids = chats(10, 1);
  const ears = ids.map(listen);
  for (const id of ids) {
    source.miss(id);
    await pass(1);
  }
  database.take().answer();
  await settle();
  expect(ears.every(({ heard }) => heard.join() === "1")).toBe(true);
  expect(database.sizes).toEqual([10]);
});

test("of a chat that is not there any more listeners are told to look", async () => {
  const [here, gone] = [listen("a"), listen("b")];
  database.versions.set("a", 2);
  source.miss("a", "b");
  await look();
  expect([here.heard, gone.heard]).toEqual([[2], ["look"]]);
  await pass(pollMs * 0.8);
  await look();
  expect(gone.heard).toEqual(["look", "look"]);
});

test("what may have been missed while a chat is being read is looked at again", async () => {
  const [a, b] = [listen("a"), listen("b")];
  for (const id of ["a", "b"]) database.versions.set(id, 1);
  source.miss("a", "b");
  await pass(gatherMs);
  database.versions.set("a", 2);
  source.miss("a");
  database.take().answer();
  await settle();
  expect([a.heard, b.heard]).toEqual([[1], [1]]);
  await look();
  expect([a.heard, b.heard]).toEqual([[1, 2], [1]]);
  expect(database.sizes).toEqual([2, 1]);
});

test("a read that fails is repeated with growing pauses, is logged once, and nothing that was requested is lost", async () => {
  fraction = 0.999_999;
  const [a, b] = [listen("a"), listen("b")];
  for (const id of ["a", "b"]) database.versions.set(id, 1);
  source.miss("a");
  await pass(gatherMs);
  const waitedMs: number[] = [];
  for (let failures = 1; failures <= 9; failures += 1) {
    const failedMs = clock.monotonicMs();
    database.take().fail();
    await settle();
    // What comes meanwhile waits as well.
    if (failures === 2) source.miss("b");
    while (database.reads.length === 0) await pass(clock.nextDueMs ?? 0);
    waitedMs.push(Math.round(clock.monotonicMs() - failedMs));
  }
  expect(waitedMs).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  expect(database.take().chatIds.toSorted()).toEqual(["a", "b"]);
  expect(logged).toEqual(["watched chats could not be looked at"]);
  database.take().answer();
  await settle();
  expect([a.heard, b.heard]).toEqual([[1], [1]]);
  logged.length = 0;
  source.miss("a");
  await pass(gatherMs);
  database.take().fail();
  await settle();
  expect(logged).toEqual(["watched chats could not be looked at"]);
});

test("chats whose read fails do not keep others waiting for ever", async () => {
  const ids = chats(1_001, 1);
  const ears = ids.map(listen);
  source.miss(...ids);
  await pass(gatherMs);
  database.take().fail();
  await pass(50);
  expect(database.take().chatIds).toContain("chat 1000");
  database.take().answer();
  await look();
  expect(ears.every(({ heard }) => heard.join() === "1")).toBe(true);
});

test("whoever leaves while a chat is being read hears nothing more, and whoever comes hears what was found", async () => {
  const [left, stays] = [listen("a"), listen("a")];
  const gone = listen("b");
  for (const id of ["a", "b"]) database.versions.set(id, 1);
  source.miss("a", "b");
  await pass(gatherMs);
  left[Symbol.dispose]();
  gone[Symbol.dispose]();
  const came = listen("a");
  database.take().answer();
  await settle();
  expect([left.heard, stays.heard, came.heard, gone.heard]).toEqual([[], [1], [1], []]);
});

test("of what nobody listens to any more nothing is read", async () => {
  const [a, left] = [listen("a"), listen("b")];
  source.miss("a", "b");
  left[Symbol.dispose]();
  await pass(gatherMs);
  expect(database.take().chatIds).toEqual(["a"]);
  database.take().answer();
  source.miss("a");
  a[Symbol.dispose]();
  await pass(gatherMs);
  expect(database.sizes).toEqual([1]);
});

test("a listener may leave, or fail, while it is told: the others are told all the same, and the next read comes", async () => {
  database.versions.set("a", 1);
  const order: string[] = [];
  const leaving = bus.watchChat("a", () => {
    order.push("leaves");
    leaving[Symbol.dispose]();
    later[Symbol.dispose]();
  });
  bus.watchChat("a", () => {
    order.push("fails");
    throw new Error("this listener is broken");
  });
  const later = bus.watchChat("a", () => order.push("was left"));
  const last = listen("a");
  source.miss("a");
  await look();
  expect(order).toEqual(["leaves", "fails"]);
  expect(logged).toEqual(["a listener of a chat failed"]);
  source.say("a", head("a", 2));
  source.miss("a");
  await look();
  expect(last.heard).toEqual([1, 2, 1]);
});

test("a bus that is disposed waits for the read under way, tells nothing of it, and leaves nothing behind", async () => {
  const a = listen("a");
  database.versions.set("a", 1);
  source.miss("a");
  await pass(gatherMs);
  let disposed = false;
  const disposing = bus[Symbol.asyncDispose]().then(() => (disposed = true));
  await settle();
  expect([disposed, source.disposed]).toEqual([false, false]);
  database.take().answer();
  await disposing;
  expect([source.disposed, a.heard, clock.pending]).toEqual([true, [], 0]);
  a[Symbol.dispose]();
  await bus[Symbol.asyncDispose]();
});

test("a bus that is disposed while the database is away does not wait for it to come back", async () => {
  using _a = listen("a");
  source.miss("a");
  await pass(gatherMs);
  database.take().fail();
  await settle();
  await bus[Symbol.asyncDispose]();
  expect(clock.pending).toBe(0);
  expect(database.sizes).toEqual([1]);
});

const names = ["a", "b"] as const;
type Step = { readonly type: StepType; readonly name: (typeof names)[number] };
type StepType = "listen" | "leave" | "commit" | "delete" | "miss" | "answer" | "fail" | "wait";
/** How often each comes. */
const weights: Record<StepType, number> = {
  listen: 2,
  leave: 2,
  commit: 6,
  delete: 1,
  miss: 6,
  answer: 6,
  fail: 4,
  wait: 6,
};
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    type: fc.oneof(
      ...Object.entries(weights).map(([type, weight]) => ({
        weight,
        arbitrary: fc.constant(type as StepType),
      })),
    ),
    name: fc.constantFrom(...names),
  }),
  { maxLength: 60 },
);

test("BUS-5: whatever comes in between, whoever may have missed something is told what was true after that, or later", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.double({ min: 0, max: 0.99, noNaN: true }), async (given, chance) => {
      clock = new ManualClock();
      source = new SourceBus();
      database = new TestDatabase();
      fraction = chance;
      // Nothing else makes it look.
      bus = openBus(hourMs);
      const ears = new Map(names.map((id) => [id, listen(id)]));
      /** What a listener has to hear at least: a version from that on, or that the chat is gone. */
      const owed = new Map<Step["name"], { readonly at: number; readonly from: number }>();
      let commits = 1;
      for (const id of names) database.versions.set(id, commits);
      const versionOf = (id: string): number => database.versions.get(id) ?? Number.POSITIVE_INFINITY;
      const step = async (type: StepType, id: Step["name"]): Promise<void> => {
        const ear = ears.get(id);
        if (type === "listen" && ear === undefined) ears.set(id, listen(id));
        if (type === "leave" && ear !== undefined) {
          ear[Symbol.dispose]();
          ears.delete(id);
          owed.delete(id);
        }
        if (type === "commit" && database.versions.has(id)) database.versions.set(id, (commits += 1));
        if (type === "delete") database.versions.delete(id);
        if (type === "miss" && ear !== undefined) {
          source.miss(id);
          owed.set(id, { at: ear.heard.length, from: versionOf(id) });
        }
        const [read] = database.reads;
        if (type === "answer") read?.answer();
        if (type === "fail") read?.fail();
        if (type === "wait") clock.advance(200);
        await settle();
      };
      for (const { type, name } of given) await step(type, name);
      // The database is there for all that is left.
      for (let round = 0; round < 20; round += 1) {
        await step("answer", "a");
        await pass(1_000);
      }
      for (const [id, { at, from }] of owed) {
        const since = (ears.get(id)?.heard ?? []).slice(at);
        const told = since.some((version) => version === "look" || version >= from);
        expect(told, `${id} from ${from}: ${since.join()}`).toBe(true);
      }
      // And once it has looked at all, everybody knows what is true.
      await pass(hourMs);
      await pass(gatherMs);
      await step("answer", "a");
      for (const [id, { heard }] of ears) expect(heard.at(-1)).toBe(database.versions.get(id) ?? "look");
    }),
    { numRuns: 500 },
  );
});
