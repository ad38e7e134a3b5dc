import fc from "fast-check";
import { expect, test } from "vitest";
import { type Part, Role } from "../gen/palaver/chat/v1/message_pb.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import { ManualClock } from "../platform/index.js";
import { partToProto } from "../protocol/index.js";
import { DeltaLog } from "./delta-log.js";
import type { Delta } from "./delta-run.js";
import type { EpisodeLog } from "./episode-log.js";
import { describeEvent } from "./machine-run.fixture.js";

const episode = { historyVersion: 7, generationAttempt: 2 };
const text = (value: string): Part => partToProto({ type: "text", text: value });
const delta = (value: string, block = 1): Delta => ({ role: Role.ASSISTANT, block, part: text(value) });
const call = (block: number): Delta => {
  const part = partToProto({ type: "tool-call", tool_call_id: "c", tool_name: "t", args_json: "{}" });
  return { role: Role.ASSISTANT, block, part };
};

function newLog(options: { graceMs?: number; maxCommittedWeight?: number } = {}): {
  log: DeltaLog;
  clock: ManualClock;
} {
  const clock = new ManualClock();
  return { clock, log: new DeltaLog({ clock, ...options }) };
}

function described(log: EpisodeLog | undefined, afterSeq = 0): string[] | undefined {
  return log?.read(afterSeq)?.map(describeEvent);
}

test("STREAM-5: deltas are numbered from 1 inside their episode", () => {
  const { log } = newLog();
  const writer = log.open("a", episode);
  expect(writer.append(delta("Hel"))).toBe(1);
  const [first] = log.current("a")?.read(0) ?? [];
  expect(first?.event.value).toMatchObject({
    episode: { historyVersion: 7n, generationAttempt: 2 },
    firstSeq: 1n,
    seq: 1n,
    role: Role.ASSISTANT,
    block: 1,
  });
  expect(writer.append(delta("lo"))).toBe(2);
  expect(described(log.current("a"), 1)).toEqual(["part 7.2#2 lo"]);
});

test("STREAM-6: adjacent deltas of a block are merged, others are not", () => {
  const { log } = newLog();
  const writer = log.open("a", episode);
  for (const next of [delta("a"), delta("b"), delta("c", 2), delta("d"), delta("e"), call(3)])
    writer.append(next);
  const held = log.current("a");
  expect(described(held)).toEqual([
    "part 7.2#1-2 ab",
    "part 7.2#3 c",
    "part 7.2#4-5 de",
    "part 7.2#6 toolCall",
  ]);
  expect(described(held, 1)).toEqual([
    "part 7.2#2 b",
    "part 7.2#3 c",
    "part 7.2#4-5 de",
    "part 7.2#6 toolCall",
  ]);
  expect(described(held, 6)).toEqual([]);
  // That one may still come; once the episode is over, it never was.
  expect(described(held, 7)).toEqual([]);
  writer.close("committed");
  expect(described(held, 7)).toBeUndefined();
});

test("the lengths of merged deltas tell them apart", () => {
  const { log } = newLog();
  const writer = log.open("a", episode);
  for (const next of [delta("a"), delta(""), delta("🙂c"), delta("d", 2), call(3)]) writer.append(next);
  const held = log.current("a");
  expect(held?.lengths(1, 3)).toEqual([1, 0, 3]);
  expect(held?.lengths(2, 3)).toEqual([0, 3]);
  expect(held?.lengths(4, 4)).toEqual([1]);
  expect(held?.lengths(5, 5)).toEqual([]);
});

test("only the beginning of a merged reasoning says when it began", () => {
  const { log } = newLog();
  const writer = log.open("a", episode);
  const started_at = "2026-01-01T00:00:00.000Z";
  const reasoning = (value: string, first: boolean): Delta => ({
    role: Role.ASSISTANT,
    block: 1,
    part: partToProto({ type: "reasoning", text: value, ...(first ? { started_at } : {}) }),
  });
  writer.append(reasoning("a", true));
  writer.append(reasoning("b", false));
  const startOf = (event: StreamEvent | undefined): unknown => {
    if (event?.event.case !== "messagePart" || event.event.value.part?.kind.case !== "reasoning")
      return "no reasoning";
    return event.event.value.part.kind.value.startedAt;
  };
  expect(startOf(log.current("a")?.read(0)?.[0])).toBeDefined();
  expect(startOf(log.current("a")?.read(1)?.[0])).toBeUndefined();
});

test("a late joiner of a long answer gets a few events, and any position goes on with exactly the rest (STREAM-3)", () => {
  const piece = fc.record({ value: fc.string({ maxLength: 6 }), block: fc.constantFrom(1, 1, 1, 2) });
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 1_200 }),
      fc.nat(),
      fc.constantFrom(1, 40, 1_000, undefined),
      (pieces, at, maxLength) => {
        const { log } = newLog();
        const writer = log.open("a", episode);
        for (const { value, block } of pieces) writer.append(delta(value, block));
        const held = log.current("a");
        const from = at % pieces.length;
        const expected = new Map<number, string>();
        for (const { value, block } of pieces.slice(from))
          expected.set(block, (expected.get(block) ?? "") + value);
        const joined = new Map<number, string>();
        let seq = from;
        while (seq < writer.lastSeq) {
          const events = held?.read(seq, maxLength) ?? [];
          expect(events.length).toBeGreaterThan(0);
          for (const { event } of events) {
            if (event.case !== "messagePart" || event.value.part?.kind.case !== "text")
              throw new Error("no text");
            expect(Number(event.value.firstSeq)).toBe(seq + 1);
            seq = Number(event.value.seq);
            const { block } = event.value;
            joined.set(block, (joined.get(block) ?? "") + event.value.part.kind.value.text);
          }
        }
        expect(joined).toEqual(expected);
      },
    ),
    { numRuns: 100 },
  );
  const { log } = newLog();
  const writer = log.open("a", episode);
  for (let index = 0; index < 20_000; index += 1) writer.append(delta(`${index} `));
  expect(log.current("a")?.read(0)).toHaveLength(1);
});

test("a delta is built once for all who read it at the same place", () => {
  const { log } = newLog();
  const writer = log.open("a", episode);
  writer.append(delta("x"));
  writer.append(call(2));
  const held = log.current("a");
  expect(held?.read(0)).toBe(held?.read(0));
});

test("a read is bounded, also after one without a bound", () => {
  const { log } = newLog();
  const writer = log.open("a", episode);
  for (let index = 0; index < 6; index += 1) writer.append(delta("x".repeat(100), 1 + (index % 2)));
  const held = log.current("a");
  expect(held?.suffixAfter(0).deltas).toHaveLength(6);
  expect(described(held)).toHaveLength(6);
  expect(held?.read(0, 150)).toHaveLength(2);
  expect(held?.read(0, 1_000)).toHaveLength(6);
  expect(held?.read(0, 150)).toHaveLength(2);
});

test("what is left after any delta weighs the same however it came to be read, and nothing at the end", () => {
  const piece = fc.record({ value: fc.string({ maxLength: 6 }), block: fc.constantFrom(1, 1, 1, 2, 3) });
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 600 }), (pieces) => {
      const { log } = newLog();
      const writer = log.open("a", episode);
      const weights = pieces.map(({ value, block }) => {
        writer.append(block === 3 ? call(block) : delta(value, block));
        return writer.weight;
      });
      const held = log.current("a");
      expect(weights.map((weight, index) => weight + (held?.weightAfter(index + 1) ?? 0))).toEqual(
        weights.map(() => writer.weight),
      );
      expect(held?.weightAfter(0)).toBe(writer.weight);
    }),
    { numRuns: 100 },
  );
});

test("blocks that alternate weigh what they take: each turn makes objects of its own", () => {
  const { log } = newLog();
  const [one, many] = [log.open("a", episode), log.open("b", episode)];
  for (let index = 0; index < 1_000; index += 1) {
    one.append(delta("x"));
    many.append(delta("x", 1 + (index % 2)));
  }
  expect(one.weight).toBeLessThan(20_000);
  expect(many.weight).toBeGreaterThan(500_000);
});

test("a committed episode is held for a while, for those who come back, and then forgotten", () => {
  const { log, clock } = newLog({ graceMs: 1_000 });
  const writer = log.open("a", episode);
  writer.append(delta("x"));
  writer.close("committed");
  expect(log.current("a")).toBeUndefined();
  const held = log.find("a", episode);
  expect(held?.state).toEqual({ type: "closed", outcome: "committed" });
  expect(described(held)).toEqual(["part 7.2#1 x"]);
  clock.advance(999);
  expect(log.find("a", episode)).toBe(held);
  clock.advance(1);
  expect(log.find("a", episode)).toBeUndefined();
  expect(held?.read(0)).toBeUndefined();
  expect(held?.read(1)).toEqual([]);
  expect(clock.pending).toBe(0);
});

test("all committed episodes together are bounded: the oldest go first", () => {
  const { log } = newLog({ maxCommittedWeight: 1_500 });
  for (const chatId of ["a", "b", "c"]) {
    const writer = log.open(chatId, episode);
    writer.append(delta("x".repeat(50)));
    writer.close("committed");
  }
  expect(["a", "b", "c"].map((chatId) => log.find(chatId, episode) !== undefined)).toEqual([
    false,
    true,
    true,
  ]);
});

test("a discarded episode is forgotten at once", () => {
  const { log, clock } = newLog();
  const writer = log.open("a", episode);
  writer.append(delta("x"));
  const held = log.current("a");
  writer.close("discarded");
  expect(log.find("a", episode)).toBeUndefined();
  expect(held?.read(0)).toBeUndefined();
  expect(clock.pending).toBe(0);
});

test("nothing is appended after the end, and the first end counts", () => {
  const { log } = newLog();
  const writer = log.open("a", episode);
  const held = log.current("a");
  writer.close("discarded");
  writer.close("committed");
  expect(() => writer.append(delta("x"))).toThrow(/closed/);
  expect(held?.state).toEqual({ type: "closed", outcome: "discarded" });
});

test("a new episode of a chat discards the one that is open, and the end of the old one does not touch it", () => {
  const { log } = newLog();
  const old = log.open("a", episode);
  const held = log.current("a");
  log.open("a", { ...episode, generationAttempt: 3 });
  log.open("b", episode);
  expect(held?.state).toEqual({ type: "closed", outcome: "discarded" });
  old.close("committed");
  expect(log.current("a")?.episode.generationAttempt).toBe(3);
  expect([...log.openEpisodes()].map(({ chatId }) => chatId)).toEqual(["a", "b"]);
});

test("listeners hear of every delta and of the end, until they are disposed", () => {
  const { log } = newLog();
  const writer = log.open("a", episode);
  const heard: string[] = [];
  const held = log.current("a");
  held?.onChange(() => heard.push(`${held.lastSeq} ${held.state.type}`));
  const second = held?.onChange(() => heard.push("second"));
  writer.append(delta("x"));
  second?.[Symbol.dispose]();
  writer.append(delta("y"));
  writer.close("committed");
  expect(heard).toEqual(["1 open", "second", "2 open", "2 closed"]);
});

test("watchers hear of the episodes of their chat only, until they are disposed", () => {
  const { log } = newLog();
  const opened: EpisodeLog[] = [];
  const watch = log.watch("a", (episodeLog) => opened.push(episodeLog));
  log.open("b", episode);
  log.open("a", episode);
  expect(opened).toEqual([log.current("a")]);
  watch[Symbol.dispose]();
  log.open("a", { ...episode, generationAttempt: 3 });
  expect(opened).toHaveLength(1);
});
