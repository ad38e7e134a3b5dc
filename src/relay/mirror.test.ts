import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type Part, PartSchema, Role } from "../gen/palaver/chat/v1/message_pb.js";
import {
  type RelayEvent,
  RelayEventSchema,
  StreamDeltasResponseSchema,
} from "../gen/palaver/relay/v1/relay_service_pb.js";
import { ManualClock } from "../platform/index.js";
import { partToProto } from "../protocol/index.js";
import {
  type Delta,
  DeltaLog,
  type EpisodeId,
  type EpisodeLog,
  type EpisodeWriter,
} from "../stream/index.js";
import { EpisodeFeed } from "./episode-feed.js";
import { Mirror } from "./mirror.js";

const chatId = "a";
const episode = (generationAttempt: number): EpisodeId => ({ historyVersion: 3, generationAttempt });
const text = (value: string, block = 1): Delta => delta(partToProto({ type: "text", text: value }), block);
const delta = (part: Part, block: number): Delta => ({ role: Role.ASSISTANT, block, part });

/** Two replicas: one that generates, one that mirrors it over a link that may be cut. */
class TwoReplicas implements Disposable {
  readonly clock = new ManualClock();
  readonly own = new DeltaLog({ clock: this.clock });
  readonly there = new DeltaLog({ clock: this.clock });
  readonly mirror = new Mirror(this.there, chatId);
  writer: EpisodeWriter | undefined;
  #feed = this.#dial();
  #attempt = 0;

  open(): EpisodeId {
    this.#attempt += 1;
    this.writer = this.own.open(chatId, episode(this.#attempt));
    return episode(this.#attempt);
  }

  /** What is ready crosses the link: all of it, or the first responses. */
  transfer(responses = Number.POSITIVE_INFINITY): RelayEvent[] {
    const events: RelayEvent[] = [];
    for (let count = 0; count < responses; count += 1) {
      const taken = this.#feed.take();
      if (taken.length === 0) break;
      const bytes = toBinary(
        StreamDeltasResponseSchema,
        create(StreamDeltasResponseSchema, { events: taken }),
      );
      for (const event of fromBinary(StreamDeltasResponseSchema, bytes).events) {
        events.push(event);
        if (!this.mirror.apply(event)) throw new Error("the mirror sees a gap");
      }
    }
    return events;
  }

  /** The link is cut, and dialled again. */
  cut(): void {
    this.#feed[Symbol.dispose]();
    this.#feed = this.#dial();
  }

  [Symbol.dispose](): void {
    this.#feed[Symbol.dispose]();
  }

  #dial(): EpisodeFeed {
    return new EpisodeFeed(this.own, chatId, this.mirror.held);
  }
}

/** Everything that a reader at any place of it can be told. */
function told(log: EpisodeLog | undefined): unknown {
  if (log === undefined) return undefined;
  const { lastSeq, state, episode: id, weight } = log;
  const from = Array.from({ length: lastSeq + 1 }, (_, seq) => log.read(seq));
  return { id, lastSeq, state, weight, from };
}

describe("an episode that is mirrored", () => {
  it("has the same deltas under the same numbers, for a reader at any place", () => {
    using two = new TwoReplicas();
    two.open();
    for (const next of [text("a"), text(""), text("🙂c"), text("d", 2)]) two.writer?.append(next);
    two.transfer();
    two.writer?.append(text("e", 2));
    two.transfer();
    expect(told(two.there.current(chatId))).toEqual(told(two.own.current(chatId)));
  });

  it("RELAY-7: goes on where it was when the link was cut, also where the same words come again", () => {
    using two = new TwoReplicas();
    two.open();
    for (let count = 0; count < 3; count += 1) two.writer?.append(text("again "));
    two.transfer();
    two.cut();
    for (let count = 0; count < 3; count += 1) two.writer?.append(text("again "));
    const [opened, rest] = two.transfer();
    expect(opened?.event).toMatchObject({ case: "episodeOpened", value: { afterSeq: 3n } });
    expect(rest?.event).toMatchObject({ case: "deltas", value: { firstSeq: 4n } });
    expect(told(two.there.current(chatId))).toEqual(told(two.own.current(chatId)));
  });

  it("RELAY-6: stays open when the link is cut, and ends with its own end", () => {
    using two = new TwoReplicas();
    const id = two.open();
    two.writer?.append(text("a"));
    two.transfer();
    two.cut();
    expect(two.there.current(chatId)?.state).toEqual({ type: "open" });
    two.writer?.append(text("b"));
    two.writer?.close("committed");
    two.transfer();
    expect(two.there.current(chatId)).toBeUndefined();
    expect(told(two.there.find(chatId, id))).toEqual(told(two.own.find(chatId, id)));
  });

  it("is void where nobody has the rest of it any more", () => {
    using two = new TwoReplicas();
    const id = two.open();
    two.writer?.append(text("a"));
    two.transfer();
    two.writer?.append(text("b"));
    two.writer?.close("committed");
    two.clock.advance(60_000);
    two.transfer();
    expect(two.there.current(chatId)).toBeUndefined();
    expect(two.there.find(chatId, id)).toBeUndefined();
  });

  it("is void when the next one begins on the other side of a cut", () => {
    using two = new TwoReplicas();
    two.open();
    two.writer?.append(text("a"));
    two.transfer();
    two.writer?.close("discarded");
    two.cut();
    two.open();
    two.writer?.append(text("b"));
    two.transfer();
    expect(told(two.there.current(chatId))).toEqual(told(two.own.current(chatId)));
  });

  it("begins anew when the peer sends what does not continue it", () => {
    const clock = new ManualClock();
    const there = new DeltaLog({ clock });
    const mirror = new Mirror(there, chatId);
    const opened = { episode: { historyVersion: 3n, generationAttempt: 1 }, afterSeq: 0n };
    expect(mirror.apply(create(RelayEventSchema, { event: { case: "episodeOpened", value: opened } }))).toBe(
      true,
    );
    const late = { firstSeq: 2n, role: Role.ASSISTANT, block: 1, part: text("b").part, lengths: [1] };
    expect(mirror.apply(create(RelayEventSchema, { event: { case: "deltas", value: late } }))).toBe(false);
    expect(mirror.held).toBeUndefined();
    expect(there.current(chatId)).toBeUndefined();
  });

  it("begins anew when the peer sends it from another place than it has come to", () => {
    const there = new DeltaLog({ clock: new ManualClock() });
    const mirror = new Mirror(there, chatId);
    const opened = (afterSeq: bigint): boolean =>
      mirror.apply(
        create(RelayEventSchema, {
          event: {
            case: "episodeOpened",
            value: { episode: { historyVersion: 3n, generationAttempt: 1 }, afterSeq },
          },
        }),
      );
    const value = { firstSeq: 1n, role: Role.ASSISTANT, block: 1, part: text("a").part, lengths: [1] };
    const deltas = create(RelayEventSchema, { event: { case: "deltas", value } });
    for (const _ of [1, 2]) {
      expect(opened(0n)).toBe(true);
      expect(mirror.apply(deltas)).toBe(true);
      expect(there.current(chatId)?.lastSeq).toBe(1);
    }
    expect(opened(7n)).toBe(false);
    expect(there.current(chatId)).toBeUndefined();
  });

  it("counts the deltas that a newer peer has joined in a part that is unknown here", () => {
    const there = new DeltaLog({ clock: new ManualClock() });
    const mirror = new Mirror(there, chatId);
    const id = { historyVersion: 3n, generationAttempt: 1 };
    mirror.apply(
      create(RelayEventSchema, { event: { case: "episodeOpened", value: { episode: id, afterSeq: 0n } } }),
    );
    // Field 200 of a Part, a message.
    const part = fromBinary(PartSchema, Uint8Array.of(0xc2, 0x0c, 0x02, 0x0a, 0x00));
    for (const [firstSeq, joined, lengths] of [
      [1n, part, [2, 0, 3]],
      [4n, text("a").part, [1]],
    ] as const) {
      const value = { firstSeq, role: Role.ASSISTANT, block: 1, part: joined, lengths: [...lengths] };
      expect(mirror.apply(create(RelayEventSchema, { event: { case: "deltas", value } }))).toBe(true);
    }
    const events = there.current(chatId)?.read(0) ?? [];
    expect(
      events.map(
        ({ event }) => event.case === "messagePart" && toBinary(PartSchema, event.value.part ?? part),
      ),
    ).toEqual([
      toBinary(PartSchema, part),
      ...[1, 2].map(() => new Uint8Array()),
      toBinary(PartSchema, text("a").part),
    ]);
  });

  it("is not put out of order by what a newer peer sends", () => {
    const mirror = new Mirror(new DeltaLog({ clock: new ManualClock() }), chatId);
    // Field 200 of a RelayEvent, a string.
    const unknown = fromBinary(RelayEventSchema, Uint8Array.of(0xc2, 0x0c, 0x01, 0x78));
    expect(mirror.apply(unknown)).toBe(true);
  });
});

const anyDelta = fc.oneof(
  fc
    .record({ value: fc.string({ unit: "grapheme", maxLength: 4 }), block: fc.integer({ min: 1, max: 3 }) })
    .map(({ value, block }) => text(value.toWellFormed(), block)),
  fc.integer({ min: 1, max: 3 }).map((block) => {
    const started_at = "2026-01-01T00:00:00.000Z";
    return delta(partToProto({ type: "reasoning", text: "hm", started_at }), block);
  }),
  fc.integer({ min: 4, max: 5 }).map((block) => {
    const part = { type: "tool-call", tool_call_id: "c", tool_name: "t", args_json: "{}" } as const;
    return delta(partToProto(part), block);
  }),
);
const anyAction = fc.oneof(
  { weight: 10, arbitrary: anyDelta.map((value) => ({ type: "append", value }) as const) },
  { weight: 2, arbitrary: fc.constantFrom("open", "commit", "discard").map((type) => ({ type }) as const) },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 1, max: 2 }).map((count) => ({ type: "transfer", count }) as const),
  },
  { weight: 2, arbitrary: fc.constant({ type: "cut" } as const) },
);

test("whatever is generated, and however often the link is cut, both replicas end with the same", () => {
  fc.assert(
    fc.property(fc.array(anyAction, { maxLength: 60 }), (actions) => {
      using two = new TwoReplicas();
      const seen: EpisodeId[] = [];
      for (const action of actions) {
        const isOpen = two.own.current(chatId) !== undefined;
        if (action.type === "open") seen.push(two.open());
        else if (action.type === "append" && isOpen) two.writer?.append(action.value);
        else if (action.type === "commit") two.writer?.close("committed");
        else if (action.type === "discard") two.writer?.close("discarded");
        else if (action.type === "transfer") two.transfer(action.count);
        else if (action.type === "cut") two.cut();
      }
      two.transfer();
      const current = two.own.current(chatId);
      if (current !== undefined) expect(told(two.there.current(chatId))).toEqual(told(current));
      for (const id of seen) {
        const mirrored = two.there.find(chatId, id);
        // What came and went while the link was cut is not told; what is there is whole.
        if (mirrored !== undefined && mirrored.state.type === "closed")
          expect(told(mirrored)).toEqual(told(two.own.find(chatId, id)));
      }
    }),
    { numRuns: 500 },
  );
});
