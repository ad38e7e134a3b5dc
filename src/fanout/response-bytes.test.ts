import { create, type DescMessage, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyInt32, anyInt64, anyText } from "../../test/kit/any-wire-value.js";
import { SubscribeResponseSchema } from "../gen/palaver/chat/v1/chat_service_pb.js";
import {
  EpisodeSchema,
  MessagePartEventSchema,
  type StreamEvent,
  StreamEventSchema,
} from "../gen/palaver/chat/v1/event_pb.js";
import { PartSchema, TextPartSchema } from "../gen/palaver/chat/v1/message_pb.js";
import { responseBytes } from "./response-bytes.js";

/** What a newer version has added somewhere. */
const anyUnknown = fc.option(fc.constant([{ no: 99, wireType: 0, data: Uint8Array.of(7) }]), {
  nil: undefined,
});

function withUnknown<T extends object>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc
    .tuple(arbitrary, anyUnknown)
    .map(([message, unknown]) =>
      unknown === undefined ? message : Object.assign(message, { $unknown: unknown }),
    );
}

const anyTextPart = withUnknown(anyText.map((text) => create(TextPartSchema, { text }))).map(
  (value) => ({ case: "text", value }) as const,
);
const anyOtherKind = fc.oneof(
  anyText.map((text) => ({ case: "reasoning", value: { text } }) as const),
  anyText.map(
    (argsDelta) => ({ case: "toolCall", value: { toolCallId: "c", toolName: "t", argsDelta } }) as const,
  ),
  fc.constant({ case: undefined, value: undefined } as const),
);
const anyPart = withUnknown(fc.oneof(anyTextPart, anyOtherKind).map((kind) => create(PartSchema, { kind })));
const anyEpisode = withUnknown(
  fc
    .record({ historyVersion: anyInt64, generationAttempt: anyInt32 })
    .map((fields) => create(EpisodeSchema, fields)),
);
const anyMessagePart = withUnknown(
  fc
    .record(
      {
        firstSeq: anyInt64,
        seq: anyInt64,
        role: fc.nat(4),
        block: anyInt32,
        episode: anyEpisode,
        part: anyPart,
      },
      { requiredKeys: ["firstSeq", "seq", "role", "block"] },
    )
    .map((fields) => create(MessagePartEventSchema, fields)),
);
const anyEvent: fc.Arbitrary<StreamEvent> = withUnknown(
  fc
    .oneof(
      { weight: 4, arbitrary: anyMessagePart.map((value) => ({ case: "messagePart", value }) as const) },
      { weight: 1, arbitrary: fc.nat(5).map((status) => ({ case: "status", value: { status } }) as const) },
      { weight: 1, arbitrary: fc.constant({ case: "caughtUp", value: {} } as const) },
    )
    .map((event) => create(StreamEventSchema, { event })),
);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("a response that is written without asking the schema", () => {
  it("is what the schema makes of it, after the bytes that are left free", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 4 }), anyText, (events, cursor) => {
        const bytes = responseBytes({ events, cursor }, 5);
        const expected = toBinary(
          SubscribeResponseSchema,
          create(SubscribeResponseSchema, { events, cursor }),
        );
        // Equal arrays would be found out byte for byte, in a hundred times the time.
        expect(hex(bytes.subarray(5))).toBe(hex(expected));
      }),
      { numRuns: 1_000 },
    );
  });

  it("is not mixed up with one that could not be written", () => {
    const event = create(StreamEventSchema, {
      event: { case: "messagePart", value: { firstSeq: 1n, seq: 1n } },
    });
    const broken = create(StreamEventSchema, {
      event: { case: "messagePart", value: { firstSeq: 1n, seq: 1n, block: 0.5 } },
    });
    const before = responseBytes({ events: [event], cursor: "c" }, 0);
    expect(() => responseBytes({ events: [event, broken], cursor: "c" }, 5)).toThrow();
    expect(responseBytes({ events: [event], cursor: "c" }, 0)).toEqual(before);
  });

  /** Whoever adds a field to one of these has to write it, and then to say so here. */
  it.each<[DescMessage, readonly string[]]>([
    [SubscribeResponseSchema, ["events = 1", "cursor = 2"]],
    [
      MessagePartEventSchema,
      ["episode = 1", "first_seq = 2", "seq = 3", "role = 4", "part = 5", "block = 6"],
    ],
    [EpisodeSchema, ["history_version = 1", "generation_attempt = 2"]],
    [TextPartSchema, ["text = 1"]],
  ])("knows all fields of %s", ({ fields }, known) => {
    expect(fields.map(({ name, number }) => `${name} = ${number}`)).toEqual(known);
  });
});
