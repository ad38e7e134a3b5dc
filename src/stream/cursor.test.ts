import fc from "fast-check";
import { expect, test } from "vitest";
import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import { encodeCursorText } from "../protocol/index.js";
import { chatId } from "./chat-model.fixture.js";
import { ChatWorld } from "./chat-world.fixture.js";
import { decodeCursor, encodeCursor } from "./cursor.js";
import { MachineRun, nothing } from "./machine-run.fixture.js";
import { packNumbers } from "./packed-numbers.js";
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

/** A chat after some turns, in which things happened, and a run that watches its next step. */
function watchStep(turns: number): { readonly world: ChatWorld; readonly run: MachineRun } {
  const world = new ChatWorld();
  const run = new MachineRun(world);
  for (let turn = 1; turn < turns; turn += 1) {
    world.send();
    world.acquire();
    world.begin();
    world.openLog();
    world.delta("Hi");
    if (turn % 4 === 1) world.send();
    if (turn % 4 === 2) world.chat.rename();
    if (turn % 4 === 3) {
      world.retry();
      world.close();
      world.begin();
      world.openLog();
    }
    world.commit();
    world.close();
    world.finish();
    run.then(() => world.release());
  }
  run.then(
    () => world.send(),
    () => world.acquire(),
    () => world.begin(),
    () => world.openLog(),
  );
  return { world, run };
}

/** The positions in a step of so many deltas. */
function positionsInStep(turns: number, deltas: number): StreamPosition[] {
  const { world, run } = watchStep(turns);
  run.emissions.splice(0);
  for (let index = 0; index < deltas; index += 1) {
    world.delta("word");
    run.settle();
  }
  return run.emissions.map(({ position: at }) => at ?? nothing);
}

test.each([
  { turns: 1, deltas: 300 },
  { turns: 12, deltas: 9_999 },
  { turns: 80, deltas: 9_999 },
])(
  "a cursor in the middle of turn $turns, up to delta $deltas, has at most 16 bytes",
  ({ turns, deltas }) => {
    const positions = positionsInStep(turns, deltas);
    expect(positions.length).toBe(deltas);
    expect(positions.at(-1)?.seen?.lastSeq).toBe(deltas);
    for (const at of positions) {
      const text = encodeCursor(chatId, at);
      expect(text.length).toBeLessThanOrEqual(16);
      expect(decodeCursor(chatId, text)).toEqual(at);
    }
  },
);

test("STREAM-4: every other character in every place, one more anywhere, two that changed places, and every beginning are refused", () => {
  const alphabet = Array.from(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n\u0000é",
  );
  const at = positionsInStep(12, 1_000).at(-1) ?? nothing;
  const opening = {
    ...at,
    told: at.told && { ...at.told, opening: true, partly: { version: 90, throughId: 7 } },
  };
  for (const text of [at, opening].map((each) => encodeCursor(chatId, each))) {
    expect(decodeCursor(chatId, text)).toBeDefined();
    for (const [place, own] of [...text].entries()) {
      expect(decodeCursor(chatId, text.slice(0, place))).toBeUndefined();
      const [before, after] = [text.slice(0, place), text.slice(place + 1)];
      for (const character of alphabet) {
        expect(decodeCursor(chatId, before + own + character + after)).toBeUndefined();
        if (character === own) continue;
        expect(decodeCursor(chatId, before + character + after)).toBeUndefined();
      }
      const next = after.slice(0, 1);
      if (next !== own && next !== "")
        expect(decodeCursor(chatId, before + next + own + after.slice(1))).toBeUndefined();
    }
  }
});

/** As anyone can make them. */
function forge(payload: Uint8Array): string {
  return encodeCursorText(1, chatId, payload);
}

/** Of a running chat, after the marks: snapshot version, history version, attempt, versions of queue, retry and metadata. */
const plain = [0, 40, 3, 1, 2, 2, 2];

test("STREAM-4: a cursor that is well-formed and says something else, or says it in another way, is none", () => {
  expect(decodeCursor(chatId, forge(packNumbers(plain)))?.told).toMatchObject({
    snapshotVersion: 40,
    historyVersion: 39,
    queueVersion: 1,
  });
  const forged = {
    nothing: new Uint8Array(),
    "too little": packNumbers(plain.slice(0, -1)),
    "too much": packNumbers([...plain, 0]),
    "an end that is none": Buffer.concat([packNumbers(plain), Buffer.from([0x88])]),
    "a number written longer": Buffer.concat([packNumbers(plain.slice(0, -1)), Buffer.from([0xa0])]),
    "no message, but the mark of one": packNumbers([4, ...plain.slice(1), 0]),
    "another episode that is the same": packNumbers([9, ...plain.slice(1), 9, 3, 1]),
    "another episode, and nothing seen of it": packNumbers([8, ...plain.slice(1), 1, 1]),
    "a delta seen that has no number": packNumbers([1, ...plain.slice(1), 0]),
    "the middle of messages as they never were": packNumbers([32, ...plain.slice(1), 0, 1]),
    "a mark of nothing": packNumbers([256, ...plain.slice(1)]),
    "a mark beyond 32 bits": packNumbers([2 ** 40, ...plain.slice(1)]),
    "a status that there is not": packNumbers([2, ...plain.slice(1), 9]),
    "the status that needs no mark": packNumbers([2, ...plain.slice(1), ChatStatus.RUNNING]),
    "an attempt that no column holds": packNumbers([...plain.slice(0, 3), 2 ** 31, ...plain.slice(4)]),
    "a version that no number holds": packNumbers([0, 2 ** 53, ...plain.slice(2)]),
  };
  for (const [what, payload] of Object.entries(forged))
    expect({ what, position: decodeCursor(chatId, forge(payload)) }).toEqual({ what, position: undefined });
});

test("STREAM-4: whatever a forged cursor holds, it is none, or the one text of a position", () => {
  const few = fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 7 }) }, { weight: 1, arbitrary: fc.nat() });
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 189 }),
    fc
      .tuple(fc.nat({ max: 260 }), fc.array(few, { minLength: 6, maxLength: 14 }))
      .map(([flags, rest]) => packNumbers([flags, ...rest])),
  );
  let accepted = 0;
  fc.assert(
    fc.property(payload, (bytes) => {
      const text = forge(bytes);
      const at = decodeCursor(chatId, text);
      if (at === undefined) return;
      accepted += 1;
      expect(encodeCursor(chatId, at)).toBe(text);
    }),
    { numRuns: 3_000 },
  );
  // The property says nothing if all are refused.
  expect(accepted).toBeGreaterThan(0);
});
