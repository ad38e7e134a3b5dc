import { getEventListeners } from "node:events";
import { beforeEach, expect, test } from "vitest";
import { until } from "../../test/kit/until.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import { type ManualClock, silentLogger } from "../platform/index.js";
import { chatId } from "./chat-model.fixture.js";
import type { ChatReader, ChatView, ReadViewOptions } from "./chat-view.js";
import { ChatWorld } from "./chat-world.fixture.js";
import { decodeCursor } from "./cursor.js";
import type { EpisodeLog } from "./episode-log.js";
import { describeEvent, nothing } from "./machine-run.fixture.js";
import type { StreamBatch } from "./stream-batch.js";
import { type ChangeHints, Subscription, type SubscriptionDeps } from "./subscription.js";

let world: ChatWorld;
let bus: TestBus;
let clock: ManualClock;
let shutdown: AbortController;

beforeEach(() => {
  world = new ChatWorld();
  bus = new TestBus();
  clock = world.clock;
  shutdown = new AbortController();
  world.chat.onCommit = (version) => bus.publish(BigInt(version));
});

/** Hints about the one chat, to everybody, at once. */
class TestBus implements ChangeHints {
  readonly #listeners = new Set<Parameters<ChangeHints["watchChat"]>[1]>();

  publish(snapshotVersion: bigint): void {
    for (const listener of this.#listeners) listener({ snapshotVersion });
  }

  /** Nobody knows what became of the chat. */
  look(): void {
    for (const listener of this.#listeners) listener(undefined);
  }

  watchChat(_chatId: string, listener: Parameters<ChangeHints["watchChat"]>[1]): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}

/** A subscriber that takes one batch at a time. */
class Subscriber {
  readonly #leaving = new AbortController();
  readonly #batches: AsyncGenerator<StreamBatch, void, undefined>;
  /** After the last batch. */
  cursor = "";

  constructor(overrides: Partial<SubscriptionDeps> = {}, position = nothing) {
    const deps = {
      reader: world,
      bus,
      deltaLog: world.deltaLog,
      clock,
      logger: silentLogger,
      shutdown: shutdown.signal,
    };
    const subscription = new Subscription({ ...deps, ...overrides }, { chatId, position });
    this.#batches = Subscriber.#read(subscription, this.#leaving.signal);
  }

  static async *#read(
    subscription: Subscription,
    signal: AbortSignal,
  ): AsyncGenerator<StreamBatch, void, undefined> {
    using _subscription = subscription;
    yield* subscription.batches(signal);
  }

  /** The next batch, undefined at the end. */
  async batch(): Promise<readonly StreamEvent[] | undefined> {
    const next = await this.#batches.next();
    if (next.done === true) return undefined;
    this.cursor = next.value.cursor;
    return next.value.events;
  }

  async next(): Promise<string[] | undefined> {
    return (await this.batch())?.map(describeEvent);
  }

  /** Everything up to an event that reads like this. */
  async readUntil(last: string): Promise<string[]> {
    const all: string[] = [];
    for (;;) {
      const events = await this.next();
      if (events === undefined) throw new Error(`the stream ended after ${all.join(", ")}`);
      all.push(...events);
      if (events.includes(last)) return all;
    }
  }

  leave(): void {
    this.#leaving.abort();
  }

  async return(): Promise<void> {
    await this.#batches.return();
  }
}

function generating(...texts: string[]): void {
  world.send();
  world.acquire();
  world.begin();
  world.openLog();
  for (const text of texts) world.delta(text);
}

/** A reader whose answers the test gives. */
class SlowReader implements ChatReader {
  readonly pending: { readonly options: ReadViewOptions; answer(): void; fail(): void }[] = [];
  reads = 0;

  readView(_chatId: string, options: ReadViewOptions): Promise<ChatView | undefined> {
    this.reads += 1;
    return new Promise((resolve, reject) => {
      this.pending.push({
        options,
        answer: () => resolve(world.chat.view(options)),
        fail: () => reject(new Error("the database is away")),
      });
    });
  }

  take(): SlowReader["pending"][number] {
    const read = this.pending.shift();
    if (read === undefined) throw new Error("nothing is being read");
    return read;
  }
}

test("a whole turn arrives as it happens", async () => {
  const subscriber = new Subscriber();
  expect(await subscriber.next()).toEqual(["status waiting", "queue of 0", "caughtUp"]);
  world.send();
  expect(await subscriber.next()).toEqual(["message 1", "status pending"]);
  world.acquire();
  expect(await subscriber.next()).toEqual(["status running"]);
  world.begin();
  world.openLog();
  world.delta("Hel");
  expect(await subscriber.next()).toEqual(["part 2.1#1 Hel"]);
  world.delta("lo");
  expect(await subscriber.next()).toEqual(["part 2.1#2 lo"]);
  world.commit();
  world.close();
  expect(await subscriber.next()).toEqual(["message 2"]);
  world.finish();
  expect(await subscriber.next()).toEqual(["status waiting"]);
  await subscriber.return();
});

test("the rest of a step that ended is not lost where the next one opens before anybody took it", async () => {
  generating("a");
  const subscriber = new Subscriber();
  await subscriber.readUntil("caughtUp");
  const rest = subscriber.next();
  world.delta("b");
  world.call();
  world.commit();
  world.close();
  world.begin();
  world.openLog();
  world.commit();
  world.close();
  world.begin();
  world.openLog();
  world.delta("d");
  expect(await rest).toEqual(["part 2.1#2 b", "part 2.1#3 toolCall", "message 2"]);
  await subscriber.return();
});

test("whoever wants to be called is called instead of woken: patiently for deltas, at once for anything else", async () => {
  generating("a");
  const deps = { reader: world, bus, deltaLog: world.deltaLog, clock, logger: silentLogger };
  const { signal } = new AbortController();
  using subscription = new Subscription(
    { ...deps, shutdown: shutdown.signal },
    { chatId, position: nothing },
  );
  const taken: string[] = [];
  for await (const { events } of subscription.batches(signal)) {
    taken.push(...events.map(describeEvent));
    if (taken.includes("caughtUp")) break;
  }
  const calls: boolean[] = [];
  subscription.onReady(({ patient }) => calls.push(patient));
  world.delta("b");
  world.delta("c");
  expect(calls).toEqual([true, true]);
  expect(subscription.take()?.events.map(describeEvent)).toEqual(["part 2.1#2-3 bc"]);
  expect(subscription.take()).toBeUndefined();
  world.chat.rename();
  expect(calls).toEqual([true, true, false]);
});

test("whoever is live at the same place gets deltas in the very same batch", async () => {
  generating("a");
  const deps = { reader: world, bus, deltaLog: world.deltaLog, clock, logger: silentLogger };
  const join = async (): Promise<Subscription> => {
    const options = { chatId, position: nothing };
    const subscription = new Subscription({ ...deps, shutdown: shutdown.signal }, options);
    for await (const { events } of subscription.batches(new AbortController().signal))
      if (events.map(describeEvent).includes("caughtUp")) break;
    return subscription;
  };
  using one = await join();
  using other = await join();
  world.delta("b");
  const batch = one.take();
  expect(batch?.events.map(describeEvent)).toEqual(["part 2.1#2 b"]);
  expect(other.take()).toBe(batch);
  expect([one.take(), other.take()]).toEqual([undefined, undefined]);
});

test("STREAM-2: a late joiner gets the running step with the snapshot, in one batch", async () => {
  generating("Hel", "lo");
  const subscriber = new Subscriber();
  expect(await subscriber.next()).toEqual([
    "status running",
    "message 1",
    "queue of 0",
    "part 2.1#1-2 Hello",
    "caughtUp",
  ]);
  await subscriber.return();
});

test("what became ready while the reader was busy goes out together", async () => {
  generating();
  const subscriber = new Subscriber();
  await subscriber.next();
  world.delta("a");
  world.delta("b");
  world.delta("c");
  expect(await subscriber.next()).toEqual(["part 2.1#1-3 abc"]);
  const next = subscriber.next();
  world.delta("d");
  world.delta("e");
  expect(await next).toEqual(["part 2.1#4-5 de"]);
  await subscriber.return();
});

test("STREAM-12: two subscribers get the very same delta", async () => {
  generating("a");
  const [one, other] = [new Subscriber(), new Subscriber()];
  const [first, second] = [await one.batch(), await other.batch()];
  const part = (events: readonly StreamEvent[] | undefined) =>
    events?.find(({ event }) => event.case === "messagePart");
  expect(part(first)).toBeDefined();
  expect(part(first)).toBe(part(second));
  await one.return();
  await other.return();
});

test("STREAM-5: a long step arrives in batches of limited size, without gap or repeat", async () => {
  // Blocks that alternate cannot be merged.
  generating("0");
  for (let index = 1; index < 10_000; index += 1) world.delta(`${index}`, 1 + (index % 2));
  const texts = Array.from({ length: 10_000 });
  const subscriber = new Subscriber();
  const seqs: number[] = [];
  let caughtUp = false;
  while (!caughtUp) {
    const events = (await subscriber.batch()) ?? [];
    expect(events.length).toBeLessThanOrEqual(256);
    for (const { event } of events) if (event.case === "messagePart") seqs.push(Number(event.value.seq));
    caughtUp = events.some(({ event }) => event.case === "caughtUp");
  }
  expect(seqs).toEqual(texts.map((_, index) => index + 1));
  await subscriber.return();
});

test("a batch of large events stays below the size that stock clients accept", async () => {
  generating(...Array.from({ length: 12 }, () => "x".repeat(300_000)));
  const subscriber = new Subscriber();
  const counts: number[] = [];
  for (let parts = 0; parts < 12; ) {
    const count = ((await subscriber.batch()) ?? []).filter(
      ({ event }) => event.case === "messagePart",
    ).length;
    counts.push(count);
    parts += count;
  }
  expect(Math.max(...counts)).toBe(3);
  await subscriber.return();
});

test("STREAM-7: a reader that was away gets the remaining deltas before the commit", async () => {
  generating("a");
  const subscriber = new Subscriber();
  await subscriber.next();
  const many = Array.from({ length: 600 }, () => "x");
  for (const text of many) world.delta(text);
  world.commit();
  world.close();
  world.finish();
  const rest = await subscriber.readUntil("status waiting");
  expect(rest).toEqual([`part 2.1#2-601 ${many.join("")}`, "message 2", "status waiting"]);
  await subscriber.return();
});

test("STREAM-7: an episode that its worker does not end is given up after a second", async () => {
  generating("a");
  const subscriber = new Subscriber();
  await subscriber.next();
  const next = subscriber.next();
  world.commit();
  await until(() => clock.nextDueMs === 1_000, { what: "the view to be held" });
  clock.advance(1_000);
  expect(await next).toEqual(["previewReset", "message 2"]);
  await subscriber.return();
});

test("STREAM-3: whoever comes back to an attempt that was handed over is told nothing that its worker still writes", async () => {
  generating("a");
  const first = new Subscriber();
  await first.readUntil("caughtUp");
  await first.return();
  world.release();
  const second = new Subscriber({}, decodeCursor(chatId, first.cursor));
  expect(await second.readUntil("caughtUp")).toEqual(["status pending", "caughtUp"]);
  world.delta("b");
  const next = second.next();
  world.chat.rename();
  expect(await next).toEqual(["chatUpdate"]);
  await second.return();
});

test("STREAM-9: the preview is taken back as soon as another attempt began, not only with its first delta", async () => {
  generating("a");
  const subscriber = new Subscriber();
  await subscriber.readUntil("caughtUp");
  const next = subscriber.next();
  world.die();
  world.close();
  world.acquire();
  world.begin();
  expect(await next).toEqual(["previewReset"]);
  const after = subscriber.next();
  world.openLog();
  world.delta("b");
  expect(await after).toEqual(["part 2.2#1 b"]);
  await subscriber.return();
});

test("STREAM-13: a late joiner of a long step is not slow for what was there before, but for what comes", async () => {
  generating(...Array.from({ length: 40 }, () => "x".repeat(100_000)));
  const [keen, idle] = [1, 2].map(() => new Subscriber({ maxBacklog: 200_000 }));
  await keen?.batch();
  await idle?.batch();
  world.delta("y");
  const rest = ((await keen?.readUntil("caughtUp")) ?? []).join();
  expect(rest).toContain("y");
  for (let index = 0; index < 3; index += 1) world.delta("z".repeat(100_000));
  await expect(idle?.batch()).rejects.toMatchObject({ reason: "SLOW_CONSUMER" });
  await keen?.return();
});

test("STREAM-13: a reader past its bound is ended with SLOW_CONSUMER, and its last cursor gives exactly the rest", async () => {
  generating("begin ");
  const stopped = new Subscriber({ maxBacklog: 100_000 });
  expect(await stopped.next()).toContain("part 2.1#1 begin ");
  for (let index = 0; index < 2; index += 1) world.delta("a".repeat(40_000));
  // Up to its bound it keeps its place; one delta more, and it is over.
  world.delta("b".repeat(40_000));
  await expect(stopped.batch()).rejects.toMatchObject({
    category: "resource_exhausted",
    reason: "SLOW_CONSUMER",
  });
  const resumed = new Subscriber({}, decodeCursor(chatId, stopped.cursor));
  const rest = await resumed.readUntil("caughtUp");
  expect(rest).toEqual([`part 2.1#2-4 ${"a".repeat(80_000)}${"b".repeat(40_000)}`, "caughtUp"]);

  const patient = new Subscriber({ maxBacklog: 100_000 });
  await patient.batch();
  for (let index = 0; index < 2; index += 1) world.delta("c".repeat(40_000));
  expect(await patient.next()).toEqual([`part 2.1#5-6 ${"c".repeat(80_000)}`]);
  for (const subscriber of [resumed, patient]) await subscriber.return();
});

test("STREAM-1: nothing precedes the status, not even a keepalive, and it comes with the first answer", async () => {
  const reader = new SlowReader();
  const subscriber = new Subscriber({ reader, keepaliveMs: 1_000 });
  const next = subscriber.next();
  clock.advance(5_000);
  reader.take().answer();
  expect((await next)?.[0]).toBe("status waiting");
  await subscriber.return();
});

test("BUS-5: what lost notifications hid is found with the next hint, whether or not it names a version", async () => {
  world.chat.onCommit = () => undefined;
  const subscriber = new Subscriber();
  await subscriber.next();
  world.send();
  world.acquire();
  const next = subscriber.next();
  bus.publish(BigInt(world.chat.versions.snapshot));
  expect(await next).toEqual(["message 1", "status running"]);
  const again = subscriber.next();
  world.chat.rename();
  bus.look();
  expect(await again).toEqual(["chatUpdate"]);
  await subscriber.return();
});

test("BUS-4: a subscriber reads nothing while hints say what it knows, however many come and however long it waits", async () => {
  const reader = new SlowReader();
  const subscriber = new Subscriber({ reader, keepaliveMs: 60_000 });
  const first = subscriber.next();
  reader.take().answer();
  await first;
  const next = subscriber.next();
  for (let hint = 0; hint < 10; hint += 1) {
    bus.publish(BigInt(world.chat.versions.snapshot));
    bus.publish(0n);
    bus.publish(-5n);
    clock.advance(6_000);
  }
  expect(await next).toEqual(["keepalive"]);
  expect(reader.reads).toBe(1);
  await subscriber.return();
});

test("a commit right after the first look is not missed", async () => {
  const reader = new SlowReader();
  const subscriber = new Subscriber({ reader });
  const next = subscriber.next();
  reader.take().answer();
  world.send();
  expect(await next).toEqual(["status waiting", "queue of 0", "caughtUp"]);
  const after = subscriber.next();
  reader.take().answer();
  expect(await after).toEqual(["message 1", "status pending"]);
  await subscriber.return();
});

test("a keepalive comes after every interval of silence", async () => {
  const subscriber = new Subscriber();
  await subscriber.next();
  clock.advance(10_000);
  world.chat.rename();
  expect(await subscriber.next()).toEqual(["chatUpdate"]);
  const next = subscriber.next();
  clock.advance(14_999);
  clock.advance(1);
  expect(await next).toEqual(["keepalive"]);
  expect(clock.monotonicMs()).toBe(25_000);
  const again = subscriber.next();
  clock.advance(15_000);
  expect(await again).toEqual(["keepalive"]);
  await subscriber.return();
});

test("a read that fails is repeated with growing pauses, and the stream goes on", async () => {
  const reader = new SlowReader();
  const subscriber = new Subscriber({ reader, keepaliveMs: 1_000_000 });
  const first = subscriber.next();
  reader.take().answer();
  await first;
  world.send();
  const next = subscriber.next();
  for (const pauseMs of [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
    reader.take().fail();
    await until(() => clock.nextDueMs === pauseMs, { what: `a pause of ${pauseMs} ms` });
    clock.advance(pauseMs);
  }
  reader.take().answer();
  expect(await next).toEqual(["message 1", "status pending"]);
  await subscriber.return();
});

test("a subscription that cannot even begin is refused", async () => {
  const reader = new SlowReader();
  const subscriber = new Subscriber({ reader });
  const next = subscriber.next();
  const refused = expect(next).rejects.toMatchObject({
    category: "unavailable",
    reason: "DATABASE_UNAVAILABLE",
  });
  for (const pauseMs of [100, 200, 400, 800]) {
    reader.take().fail();
    await until(() => clock.nextDueMs === pauseMs, { what: `a pause of ${pauseMs} ms` });
    clock.advance(pauseMs);
  }
  reader.take().fail();
  await refused;
  expect(clock.pending).toBe(0);
});

test("STREAM-15: a server that shuts down ends its streams", async () => {
  const subscriber = new Subscriber();
  await subscriber.next();
  const next = subscriber.next();
  const ended = expect(next).rejects.toMatchObject({ category: "unavailable", reason: "SHUTTING_DOWN" });
  shutdown.abort();
  await ended;
  expect(clock.pending).toBe(0);
});

test("the stream of a chat that is deleted ends after what was before", async () => {
  const subscriber = new Subscriber();
  await subscriber.next();
  world.chat.delete();
  await expect(subscriber.next()).rejects.toMatchObject({ category: "not_found", reason: "CHAT_NOT_FOUND" });
  const late = new Subscriber();
  await expect(late.next()).rejects.toMatchObject({ category: "not_found", reason: "CHAT_NOT_FOUND" });
  expect(clock.pending).toBe(0);
});

test("STREAM-14: leaving while waiting ends the stream, releases everything and leaves the turn alone", async () => {
  generating("a");
  const subscriber = new Subscriber();
  await subscriber.next();
  expect(clock.pending).toBeGreaterThan(0);
  const next = subscriber.next();
  subscriber.leave();
  expect(await next).toBeUndefined();
  expect(clock.pending).toBe(0);
  world.delta("b");
  expect(world.deltaLog.current(chatId)?.lastSeq).toBe(2);
});

test("an answer or a failure that comes after leaving does nothing", async () => {
  for (const late of ["answer", "fail"] as const) {
    const reader = new SlowReader();
    const subscriber = new Subscriber({ reader });
    const next = subscriber.next();
    subscriber.leave();
    expect(await next).toBeUndefined();
    reader.take()[late]();
    await Promise.resolve();
    expect(clock.pending).toBe(0);
    expect(reader.reads).toBe(1);
  }
});

test("whoever leaves is not listening any more, however it ends", async () => {
  const listening = new Set<string>();
  const counted = (name: string, inner: Disposable): Disposable => {
    listening.add(name);
    return {
      [Symbol.dispose]: () => {
        listening.delete(name);
        inner[Symbol.dispose]();
      },
    };
  };
  const countedLog = (log: EpisodeLog | undefined): EpisodeLog | undefined =>
    log && {
      episode: log.episode,
      lastSeq: log.lastSeq,
      weight: log.weight,
      weightAfter: (seq) => log.weightAfter(seq),
      state: log.state,
      read: (seq, maxLength) => log.read(seq, maxLength),
      lengths: (firstSeq, lastSeq) => log.lengths(firstSeq, lastSeq),
      suffixAfter: (seq) => log.suffixAfter(seq),
      onChange: (listener) => counted("episode", log.onChange(listener)),
    };
  const overrides: Partial<SubscriptionDeps> = {
    bus: {
      watchChat: (id, listener) => counted("bus", bus.watchChat(id, listener)),
    },
    deltaLog: {
      current: (id) => countedLog(world.deltaLog.current(id)),
      find: (id, episode) => world.deltaLog.find(id, episode),
      watch: (id, listener) => counted("log", world.deltaLog.watch(id, listener)),
    },
  };
  const released = (): void => {
    expect([...listening]).toEqual([]);
    expect(clock.pending).toBe(0);
    expect(getEventListeners(shutdown.signal, "abort")).toEqual([]);
  };
  generating("a");
  for (const end of ["return", "leave", "shutdown"] as const) {
    const subscriber = new Subscriber(overrides);
    await subscriber.next();
    expect([...listening].sort()).toEqual(["bus", "episode", "log"]);
    if (end === "return") {
      await subscriber.return();
    } else {
      const next = subscriber.next().catch(() => undefined);
      if (end === "leave") subscriber.leave();
      else shutdown.abort();
      expect(await next).toBeUndefined();
    }
    released();
    expect(await subscriber.next()).toBeUndefined();
  }
});
