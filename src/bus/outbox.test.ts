import { beforeEach, expect, it } from "vitest";
import { ManualClock, silentLogger, systemRandom } from "../platform/index.js";
import { type Announcement, Outbox, type OutboxOptions } from "./outbox.js";

let clock: ManualClock;
let logged: unknown[];
/** What was sent and not answered yet, oldest first. */
let wire: { announcement: Announcement; arrive: () => void; fail: () => void }[];
beforeEach(() => {
  clock = new ManualClock();
  logged = [];
  wire = [];
});

function open(outbox: Outbox): void {
  outbox.open((announcement, settled) => {
    wire.push({ announcement, arrive: () => settled(), fail: () => settled(new Error("no answer")) });
  });
}

function newOutbox(options: Partial<OutboxOptions> = {}): Outbox {
  const logger = {
    ...silentLogger,
    warn: (fields: unknown) => void logged.push(fields),
    child: () => logger,
  };
  return new Outbox({ clock, random: systemRandom, logger, ...options });
}

function announcement(chatId: string, version: number): Announcement {
  return {
    chatId,
    version: BigInt(version),
    subject: "c",
    ownerSubject: "o",
    runnable: false,
    payload: new Uint8Array(),
  };
}

/** Lets what was answered be dealt with. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

const onWire = (): string[] => wire.map(({ announcement: { chatId, version } }) => `${chatId}${version}`);

it("what is added without a connection goes out with the next one, of each chat the newest", () => {
  const outbox = newOutbox();
  for (const [chatId, version] of [
    ["a", 1],
    ["b", 1],
    ["a", 3],
    ["a", 2],
  ] as const)
    outbox.add(announcement(chatId, version));
  open(outbox);
  expect(onWire()).toEqual(["a3", "b1"]);
});

it("while there is a connection nothing waits, and everything is sent", () => {
  const outbox = newOutbox();
  open(outbox);
  for (const version of [1, 2, 3]) outbox.add(announcement("a", version));
  expect(onWire()).toEqual(["a1", "a2", "a3"]);
});

it("no more are on the way at the same time than may be", async () => {
  const outbox = newOutbox({ maxInFlight: 2 });
  open(outbox);
  for (const chatId of ["a", "b", "c"]) outbox.add(announcement(chatId, 1));
  expect(onWire()).toEqual(["a1", "b1"]);
  wire[1]?.arrive();
  await settle();
  expect(onWire()).toEqual(["a1", "b1", "c1"]);
});

it("what was on the way when the connection broke is sent again over the next, whatever becomes of the first attempt", async () => {
  const outbox = newOutbox();
  open(outbox);
  for (const chatId of ["a", "b"]) outbox.add(announcement(chatId, 1));
  const before = wire.splice(0);
  outbox.close();
  before[0]?.arrive();
  before[1]?.fail();
  await settle();
  clock.advance(60_000);
  open(outbox);
  expect(onWire()).toEqual(["a1", "b1"]);
  for (const { arrive } of wire) arrive();
  await outbox.empty();
  expect(wire).toHaveLength(2);
});

it("an attempt that fails is repeated a few times, later and later, and then given up with a line in the log", async () => {
  const outbox = newOutbox();
  open(outbox);
  outbox.add(announcement("a", 1));
  const pausesMs: number[] = [];
  for (;;) {
    wire.at(-1)?.fail();
    await settle();
    const [attempts, dueMs] = [wire.length, clock.nextDueMs ?? 0];
    if (attempts === 4) break;
    pausesMs.push(dueMs);
    clock.advance(dueMs);
    expect(wire).toHaveLength(attempts + 1);
  }
  const [first = 0, second = 0, third = 0] = pausesMs;
  for (const [ms, base] of [
    [first, 100],
    [second, 400],
    [third, 1_600],
  ] as const) {
    expect(ms).toBeGreaterThanOrEqual(base / 2);
    expect(ms).toBeLessThanOrEqual(base * 1.5);
  }
  await outbox.empty();
  clock.advance(10_000);
  expect(logged).toEqual([{ lost: 1, err: new Error("no answer") }]);
});

it("when too many chats wait the oldest is lost, and one line counts all that were", () => {
  const outbox = newOutbox({ maxWaiting: 2 });
  for (const chatId of ["a", "b", "c", "d"]) outbox.add(announcement(chatId, 1));
  outbox.add(announcement("d", 2));
  clock.advance(10_000);
  expect(logged).toEqual([{ lost: 2, err: "too many wait" }]);
  clock.advance(100_000);
  expect(logged).toHaveLength(1);
  open(outbox);
  expect(onWire()).toEqual(["c1", "d2"]);
});

it("is empty when everything has arrived, or when there is no connection", async () => {
  const outbox = newOutbox();
  outbox.add(announcement("a", 1));
  await outbox.empty();
  open(outbox);
  let empty = false;
  const emptied = outbox.empty().then(() => (empty = true));
  await settle();
  expect(empty).toBe(false);
  wire[0]?.arrive();
  await emptied;
  outbox.add(announcement("a", 2));
  const closing = outbox.empty();
  outbox.close();
  await closing;
});

it("sends nothing after it was disposed, and leaves no timer", async () => {
  const outbox = newOutbox({ maxWaiting: 1 });
  for (const chatId of ["a", "b"]) outbox.add(announcement(chatId, 1));
  open(outbox);
  wire[0]?.fail();
  await settle();
  outbox[Symbol.dispose]();
  expect(clock.pending).toBe(0);
  outbox.add(announcement("c", 1));
  expect(wire).toHaveLength(1);
});

it("counts what arrived, each attempt that failed, and what was lost", async () => {
  const counted: string[] = [];
  const count = (what: string) => () => void counted.push(what);
  const counts = {
    published: count("published"),
    publishFailed: count("failed"),
    dropped: count("dropped"),
  };
  const outbox = newOutbox({ counts, maxWaiting: 1 });
  outbox.add(announcement("a", 1));
  outbox.add(announcement("b", 1));
  expect([counted, outbox.waiting, outbox.isOpen]).toEqual([["dropped"], 1, false]);
  open(outbox);
  expect([onWire(), outbox.waiting, outbox.isOpen]).toEqual([["b1"], 1, true]);
  wire[0]?.fail();
  await settle();
  expect([counted, outbox.waiting]).toEqual([["dropped", "failed"], 1]);
  clock.advance(1_000);
  wire[1]?.arrive();
  await settle();
  expect([counted, outbox.waiting]).toEqual([["dropped", "failed", "published"], 0]);
  outbox[Symbol.dispose]();
});
