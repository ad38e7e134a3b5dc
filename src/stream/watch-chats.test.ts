import { getEventListeners } from "node:events";
import { create } from "@bufbuild/protobuf";
import { beforeEach, expect, test } from "vitest";
import { until } from "../../test/kit/until.js";
import { ChatSchema } from "../gen/palaver/chat/v1/chat_pb.js";
import type { ChatListEvent } from "../gen/palaver/chat/v1/event_pb.js";
import { ManualClock, silentLogger } from "../platform/index.js";
import type { ChatChangesPosition } from "../store/index.js";
import { type ChatListBatch, type ChatListPage, type ChatListReader, watchChats } from "./watch-chats.js";

/** One owner's list in memory. Transactions come one after the other, so that a snapshot is the number of the next. */
class TestList implements ChatListReader {
  readonly #rows = new Map<string, { xid: number; label: string | undefined }>();
  #next = 3;
  /** Deletions before it are forgotten. */
  horizon = 0;
  reads = 0;
  failing = false;
  /** Called before a page is read. */
  onRead: (() => void) | undefined;

  /** Sets, or with undefined deletes, the chat with that number. */
  set(number: number, label: string | undefined): void {
    this.#rows.set(idOf(number), { xid: this.#next, label });
    this.#next += 1;
  }

  /** Another owner's transaction. */
  pass(): void {
    this.#next += 1;
  }

  readSnapshot(): Promise<string> {
    return this.failing ? Promise.reject(new Error("the database is away")) : Promise.resolve(this.#now());
  }

  readChanges({ seen, round }: ChatChangesPosition, limit: number): Promise<ChatListPage> {
    this.reads += 1;
    if (this.failing) return Promise.reject(new Error("the database is away"));
    this.onRead?.();
    const since = Number(seen?.split(":")[1] ?? 0);
    const to = Number(round?.until.split(":")[1] ?? this.#next);
    const after = Number(round?.after.xid ?? 0);
    const changes = [...this.#rows]
      .filter(
        ([, { xid, label }]) => xid >= since && xid < to && xid > after && (label !== undefined || since > 0),
      )
      .sort(([, a], [, b]) => a.xid - b.xid)
      .slice(0, limit)
      .map(([chatId, { xid, label }]) => ({
        xid: String(xid),
        chatId,
        chat:
          label === undefined
            ? undefined
            : create(ChatSchema, { id: chatId, title: label.slice(0, 20), labels: { label } }),
      }));
    return Promise.resolve({
      now: this.#now(),
      outdated: seen !== undefined && since <= this.horizon,
      changes,
    });
  }

  get next(): number {
    return this.#next;
  }

  #now(): string {
    return `${this.#next}:${this.#next}:`;
  }
}

function idOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

let list: TestList;
let listeners: Set<() => void>;
let clock: ManualClock;
let shutdown: AbortController;

beforeEach(() => {
  list = new TestList();
  listeners = new Set();
  clock = new ManualClock();
  shutdown = new AbortController();
});

function change(number: number, label: string | undefined): void {
  list.set(number, label);
  for (const listener of listeners) listener();
}

/** A watcher that takes one batch at a time. */
class Watcher {
  readonly #leaving = new AbortController();
  readonly #batches: AsyncGenerator<ChatListBatch, void, undefined>;
  cursor = "";

  constructor(options: { cursor?: string; updatesOnly?: boolean; owner?: string } = {}) {
    const { cursor = "", updatesOnly = false, owner = "alice" } = options;
    const bus = {
      watchOwner: (_owner: string, listener: () => void): Disposable => {
        listeners.add(listener);
        return { [Symbol.dispose]: () => void listeners.delete(listener) };
      },
    };
    this.#batches = watchChats(
      { reader: list, bus, clock, logger: silentLogger, shutdown: shutdown.signal },
      { owner, cursor, updatesOnly, signal: this.#leaving.signal },
    );
  }

  /** The next batch, undefined at the end. */
  async batch(): Promise<ChatListBatch | undefined> {
    const next = await this.#batches.next();
    if (next.done === true) return undefined;
    this.cursor = next.value.cursor;
    return next.value;
  }

  async next(): Promise<string[] | undefined> {
    return (await this.batch())?.events.map(describeEvent);
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

function describeEvent({ event }: ChatListEvent): string {
  switch (event.case) {
    case "chatUpdate":
      return event.value.chat?.title ?? "";
    case "chatDelete":
      return `deleted ${Number(event.value.chatId.slice(-12))}`;
    default:
      return event.case ?? "nothing";
  }
}

test("the list arrives, then every change", async () => {
  list.set(1, "one");
  list.set(2, "two");
  const watcher = new Watcher();
  expect(await watcher.next()).toEqual(["one", "two", "caughtUp"]);
  change(1, "uno");
  expect(await watcher.next()).toEqual(["uno"]);
  change(2, undefined);
  change(3, "three");
  expect(await watcher.next()).toEqual(["deleted 2", "three"]);
  await watcher.return();
});

test("with updates_only nothing arrives of what was there before", async () => {
  list.set(1, "one");
  const watcher = new Watcher({ updatesOnly: true });
  expect(await watcher.next()).toEqual(["caughtUp"]);
  change(2, "two");
  expect(await watcher.next()).toEqual(["two"]);
  await watcher.return();
});

test("changes that a slow reader did not take coalesce", async () => {
  const watcher = new Watcher();
  expect(await watcher.next()).toEqual(["caughtUp"]);
  for (let count = 0; count < 1_000; count += 1) change(1, `title ${count}`);
  expect(await watcher.next()).toEqual(["title 999"]);
  expect(list.reads).toBe(2);
  await watcher.return();
});

test("a cursor goes on exactly after its batch, in the middle of a list as well", async () => {
  for (let number = 1; number <= 1_000; number += 1) list.set(number, `chat ${number}`);
  const watcher = new Watcher();
  const batches: { cursor: string; events: string[] }[] = [];
  do batches.push({ events: (await watcher.next()) ?? [], cursor: watcher.cursor });
  while (batches.at(-1)?.events.at(-1) !== "caughtUp");
  await watcher.return();
  const all = batches.flatMap(({ events }) => events);
  expect(all).toEqual([...Array.from({ length: 1_000 }, (_, index) => `chat ${index + 1}`), "caughtUp"]);
  expect(Math.max(...batches.map(({ events }) => events.length))).toBeLessThanOrEqual(129);
  let told = 0;
  for (const { events, cursor } of batches) {
    told += events.length;
    const later = new Watcher({ cursor });
    const rest = told === all.length ? ["caughtUp"] : all.slice(told);
    expect(await later.readUntil("caughtUp")).toEqual(rest);
    await later.return();
  }
});

test("what changes while a long list is read is told before it has caught up", async () => {
  for (let number = 1; number <= 300; number += 1) list.set(number, `chat ${number}`);
  list.onRead = () => {
    // Behind the first page and in front of it; nobody says so.
    if (list.reads === 2) {
      list.set(1, "changed, was told");
      list.set(300, "changed, was not");
      list.set(2, undefined);
    }
  };
  const watcher = new Watcher();
  const all = await watcher.readUntil("caughtUp");
  expect(all).toHaveLength(303);
  expect(all.slice(-4)).toEqual(["changed, was told", "changed, was not", "deleted 2", "caughtUp"]);
  expect(all.filter((each) => each === "chat 300")).toEqual([]);
  await watcher.return();
});

test("a hint that comes while a long round is read is not lost", async () => {
  const watcher = new Watcher();
  await watcher.readUntil("caughtUp");
  for (let number = 1; number <= 300; number += 1) list.set(number, `chat ${number}`);
  const before = list.reads;
  list.onRead = () => {
    if (list.reads === before + 2) change(1, "meanwhile");
  };
  for (const listener of listeners) listener();
  expect(await watcher.readUntil("meanwhile")).toHaveLength(301);
  await watcher.return();
});

test("batches stay below the size that clients take", async () => {
  for (let number = 1; number <= 30; number += 1) list.set(number, `chat ${number} ${"x".repeat(70_000)}`);
  const watcher = new Watcher();
  const sizes: number[] = [];
  for (let batch = await watcher.batch(); batch !== undefined; batch = await watcher.batch()) {
    sizes.push(JSON.stringify(batch.events.map(({ event }) => event.value)).length);
    if (batch.events.at(-1)?.event.case === "caughtUp") break;
  }
  expect(sizes.length).toBeGreaterThan(1);
  expect(Math.max(...sizes)).toBeLessThan(1.5 * 1024 * 1024);
  await watcher.return();
});

test("what a lost hint hid is seen at the next poll (BUS-5)", async () => {
  const watcher = new Watcher();
  expect(await watcher.next()).toEqual(["caughtUp"]);
  const next = watcher.next();
  list.set(1, "one");
  clock.advance(10_000);
  expect(await next).toEqual(["one"]);
  await watcher.return();
});

test("silence is broken every 15 s, by a keepalive whose cursor knows what was looked at", async () => {
  list.set(1, "one");
  const watcher = new Watcher();
  await watcher.readUntil("caughtUp");
  const before = watcher.cursor;
  const next = watcher.next();
  list.pass();
  clock.advance(10_000);
  await until(() => list.reads === 2, { what: "the poll" });
  clock.advance(5_000);
  expect(await next).toEqual(["keepalive"]);
  await watcher.return();
  // What was forgotten since concerns the cursor before it, and not its own.
  list.horizon = list.next - 1;
  expect(await new Watcher({ cursor: before }).next()).toEqual(["listReset"]);
  expect(await new Watcher({ cursor: watcher.cursor }).next()).toEqual(["caughtUp"]);
});

test("no keepalive before the first answer of the database", async () => {
  list.failing = true;
  const watcher = new Watcher();
  const next = watcher.next();
  await until(() => clock.nextDueMs === 100, { what: "the first repetition" });
  list.failing = false;
  clock.advance(20_000);
  expect(await next).toEqual(["caughtUp"]);
  await watcher.return();
});

test("a position that is outdated begins anew, and says so first", async () => {
  list.set(1, "one");
  list.set(2, "two");
  const watcher = new Watcher();
  await watcher.readUntil("caughtUp");
  await watcher.return();
  list.set(1, undefined);
  list.horizon = list.next;
  const later = new Watcher({ cursor: watcher.cursor });
  expect(await later.next()).toEqual(["listReset"]);
  const again = new Watcher({ cursor: later.cursor });
  expect(await later.readUntil("caughtUp")).toEqual(["two", "caughtUp"]);
  expect(await again.readUntil("caughtUp")).toEqual(["two", "caughtUp"]);
  await later.return();
  await again.return();
});

test.each(["nonsense", "AAAA"])("%s is no cursor", async (cursor) => {
  await expect(new Watcher({ cursor }).next()).rejects.toMatchObject({ reason: "INVALID_CURSOR" });
  expect(list.reads).toBe(0);
});

test("somebody else's cursor is none", async () => {
  const watcher = new Watcher();
  await watcher.readUntil("caughtUp");
  await watcher.return();
  const other = new Watcher({ cursor: watcher.cursor, owner: "bob" });
  await expect(other.next()).rejects.toMatchObject({ reason: "INVALID_CURSOR" });
});

test.each([true, false])(
  "a database that is away from the beginning refuses the watch (updates_only: %s)",
  async (updatesOnly) => {
    list.failing = true;
    const watcher = new Watcher({ updatesOnly });
    const next = watcher.next().catch((error: unknown) => error);
    for (const delayMs of [100, 200, 400, 800]) {
      await until(() => clock.nextDueMs === delayMs, { what: `a pause of ${delayMs} ms` });
      clock.advance(delayMs);
    }
    expect(await next).toMatchObject({ reason: "DATABASE_UNAVAILABLE" });
  },
);

test("a database that is away later only delays", async () => {
  const watcher = new Watcher();
  await watcher.readUntil("caughtUp");
  list.failing = true;
  change(1, "one");
  const next = watcher.next();
  for (let delayMs = 100; delayMs < 5_000; delayMs *= 2) {
    await until(() => clock.nextDueMs === delayMs, { what: `a pause of ${delayMs} ms` });
    clock.advance(delayMs);
  }
  // Beside the poll and the keepalive.
  await until(() => clock.pending === 3, { what: "the longest pause" });
  list.failing = false;
  clock.advance(5_000);
  expect(await next).toEqual(["one"]);
  await watcher.return();
});

test("a shutdown ends it, also while it waits (STREAM-15)", async () => {
  const watcher = new Watcher();
  await watcher.readUntil("caughtUp");
  const next = watcher.next();
  shutdown.abort();
  await expect(next).rejects.toMatchObject({ category: "unavailable", reason: "SHUTTING_DOWN" });
});

test("leaving ends it at once, and nothing is left behind", async () => {
  const watcher = new Watcher();
  await watcher.readUntil("caughtUp");
  expect(listeners.size).toBe(1);
  const next = watcher.next();
  watcher.leave();
  expect(await next).toBeUndefined();
  expect(listeners.size).toBe(0);
  expect(clock.pending).toBe(0);
  expect(getEventListeners(shutdown.signal, "abort")).toHaveLength(0);
});

test("leaving while the database is away ends it as well", async () => {
  list.failing = true;
  const watcher = new Watcher();
  const next = watcher.next();
  await until(() => clock.nextDueMs === 100, { what: "the first repetition" });
  watcher.leave();
  expect(await next).toBeUndefined();
  expect(clock.pending).toBe(0);
});
