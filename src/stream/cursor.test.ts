import fc from "fast-check";
import { expect, test } from "vitest";
import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import { chatId } from "./chat-model.fixture.js";
import { ChatWorld } from "./chat-world.fixture.js";
import { cursorAfter, decodeCursor, encodeCursor } from "./cursor.js";
import { MachineRun, nothing } from "./machine-run.fixture.js";
import type { StreamPosition } from "./stream-state.js";

const version = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const attempt = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const position: fc.Arbitrary<StreamPosition> = fc.record({
  afterMessageId: version,
  told: fc.record({
    snapshotVersion: version,
    historyVersion: version,
    generationAttempt: attempt,
    queueVersion: version,
    retryVersion: version,
    metadataVersion: version,
    status: fc.constantFrom(ChatStatus.PENDING, ChatStatus.RUNNING, ChatStatus.ERROR),
    retrying: fc.boolean(),
    messageVersion: version,
    partly: fc.option(
      fc.record({ version: version.map((value) => Math.max(1, value)), throughId: version }),
      { nil: undefined },
    ),
    opening: fc.boolean(),
  }),
  seen: fc.option(
    fc.record({
      episode: fc.record({ historyVersion: version, generationAttempt: attempt }),
      lastSeq: version.map((value) => Math.max(1, value)),
    }),
    { nil: undefined },
  ),
});

test("STREAM-4: any position becomes a text of at most 256 bytes, and comes back as it was", () => {
  fc.assert(
    fc.property(position, (at) => {
      const text = encodeCursor(chatId, at);
      expect(text.length).toBeLessThanOrEqual(256);
      expect(text).toMatch(/^[\w-]+$/);
      expect(decodeCursor(chatId, text)).toEqual(at);
    }),
  );
});

test("STREAM-4: what is no cursor, or another chat's, has no position", () => {
  const other = chatId.replace(/1$/, "2");
  fc.assert(
    fc.property(position, fc.nat(), fc.string(), (at, index, noise) => {
      const text = encodeCursor(chatId, at);
      expect(decodeCursor(other, text)).toBeUndefined();
      const place = index % text.length;
      const damaged = text.slice(0, place) + (text[place] === "A" ? "B" : "A") + text.slice(place + 1);
      expect(decodeCursor(chatId, damaged)).toBeUndefined();
      expect(decodeCursor(chatId, text.slice(0, place))).toBeUndefined();
      expect(decodeCursor(chatId, noise)).toBeUndefined();
    }),
  );
});

test("subscribers that get the same delta get the very same cursor, which is made once", () => {
  const world = new ChatWorld();
  world.send();
  world.acquire();
  world.begin();
  world.openLog();
  const runs = [new MachineRun(world), new MachineRun(world)];
  for (const run of runs) run.settle();
  world.delta("Hi");
  const [first, second] = runs.map((run) => {
    run.settle();
    return run.emissions.at(-1);
  });
  if (first?.position === undefined || second?.position === undefined) throw new Error("no delta came");
  expect(first.event).toBe(second.event);
  expect(cursorAfter(chatId, first.event, first.position)).toBe(
    cursorAfter(chatId, second.event, second.position),
  );
  // Whoever knows something else gets another.
  const elsewhere = { ...first.position, afterMessageId: 7 };
  expect(cursorAfter(chatId, first.event, elsewhere)).not.toBe(
    cursorAfter(chatId, first.event, first.position),
  );
  expect(encodeCursor(chatId, nothing)).toBe("");
});
