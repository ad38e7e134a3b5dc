import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, it } from "vitest";
import { anyInt32, anyInt64, anyText } from "../../test/kit/any-wire-value.js";
import { PartSchema, Role, TextPartSchema } from "../gen/palaver/chat/v1/message_pb.js";
import {
  DeltaRunSchema,
  type RelayEvent,
  RelayEventSchema,
  StreamDeltasResponseSchema,
} from "../gen/palaver/relay/v1/relay_service_pb.js";
import { readResponse, writeResponse } from "./relay-bytes.js";

/** What a newer version has added somewhere. */
const unknown = [{ no: 99, wireType: 0, data: Uint8Array.of(7) }];

const anyPart: fc.Arbitrary<MessageInitShape<typeof PartSchema>> = fc.oneof(
  { weight: 4, arbitrary: anyText.map((text) => ({ kind: { case: "text", value: { text } } }) as const) },
  anyText.map((text) => ({ kind: { case: "reasoning", value: { text } } }) as const),
  fc.constant({ kind: { case: "text", value: { text: "a", $unknown: unknown } } } as const),
  fc.constant({ kind: { case: "text", value: { text: "a" } }, $unknown: unknown } as const),
  fc.constant({}),
);
const anyRun = fc
  .record(
    {
      firstSeq: anyInt64,
      role: fc.constantFrom(Role.UNSPECIFIED, Role.USER, Role.ASSISTANT, Role.TOOL),
      block: anyInt32,
      part: anyPart,
      lengths: fc.array(fc.nat(2 ** 32 - 1), { maxLength: 40 }),
    },
    { requiredKeys: [] },
  )
  .chain((fields) =>
    fc
      .boolean()
      .map((isNewer) => create(DeltaRunSchema, { ...fields, ...(isNewer && { $unknown: unknown }) })),
  );
const anyEvent: fc.Arbitrary<RelayEvent> = fc
  .oneof(
    { weight: 4, arbitrary: anyRun.map((value) => ({ case: "deltas", value }) as const) },
    anyInt64.map(
      (afterSeq) =>
        ({ case: "episodeOpened", value: { episode: { historyVersion: 1n }, afterSeq } }) as const,
    ),
    fc.boolean().map((committed) => ({ case: "episodeClosed", value: { committed } }) as const),
  )
  .chain((event) =>
    fc.boolean().map((isNewer) => create(RelayEventSchema, { event, ...(isNewer && { $unknown: unknown }) })),
  );

it("writes and reads what the schema does, whatever it is", () => {
  fc.assert(
    fc.property(
      fc.oneof({ weight: 3, arbitrary: fc.tuple(anyEvent) }, fc.array(anyEvent, { maxLength: 3 })),
      (events) => {
        const response = create(StreamDeltasResponseSchema, { events });
        const bytes = toBinary(StreamDeltasResponseSchema, response);
        expect(Buffer.from(writeResponse(events)).toString("hex")).toBe(Buffer.from(bytes).toString("hex"));
        expect(readResponse(bytes)).toEqual(response);
      },
    ),
    { numRuns: 500 },
  );
});

it("passes over nothing that it does not know, wherever it stands, and refuses what is cut off", () => {
  const run = create(DeltaRunSchema, { firstSeq: 7n, role: Role.ASSISTANT, block: 1, lengths: [1, 1] });
  run.part = {
    $typeName: "palaver.chat.v1.Part",
    kind: { case: "text", value: { $typeName: "palaver.chat.v1.TextPart", text: "ab" } },
  };
  const events = [create(RelayEventSchema, { event: { case: "deltas", value: run } })];
  const bytes = writeResponse(events);
  for (let end = 1; end < bytes.length; end += 1)
    expect(() => readResponse(bytes.subarray(0, end)), `${end} of ${bytes.length} bytes`).toThrow();
  const twice = Buffer.concat([bytes, bytes]);
  expect(readResponse(twice).events).toEqual([...events, ...events]);
});

/** What reading comes to: the message, or that there is none. */
function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return "refused";
  }
}

it("reads whatever bytes there are as the schema does, or refuses them as it does", () => {
  const anyBytes = fc
    .tuple(
      fc.array(anyEvent, { minLength: 1, maxLength: 2 }),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 3 }),
      fc.nat(400),
    )
    .map(([events, changes, cut]) => {
      const one = Buffer.from(writeResponse(events.map(small)));
      const bytes = Buffer.concat([one, one.subarray(0, cut % (one.length + 1))]);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return bytes;
    });
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      expect(outcome(() => readResponse(bytes))).toEqual(
        outcome(() => fromBinary(StreamDeltasResponseSchema, bytes)),
      );
    }),
    { numRuns: 2_000 },
  );
});

/** So that a change hits something else than its text. */
function small(event: RelayEvent): RelayEvent {
  if (event.event.case === "deltas" && event.event.value.part?.kind.case === "text")
    event.event.value.part.kind.value.text = event.event.value.part.kind.value.text
      .slice(0, 4)
      .toWellFormed();
  return event;
}

it("refuses a text that is none, as the schema does", () => {
  const bytes = writeResponse([
    create(RelayEventSchema, { event: { case: "deltas", value: { part: text("ab") } } }),
  ]);
  bytes[bytes.length - 1] = 0xff;
  expect(() => fromBinary(StreamDeltasResponseSchema, bytes)).toThrow();
  expect(() => readResponse(bytes)).toThrow();
});

function text(value: string): MessageInitShape<typeof PartSchema> {
  return { kind: { case: "text", value: { text: value } } };
}

it("has an arm for every field that there is: whoever adds one has to write it here too", () => {
  const fieldsOf = ({ fields }: DescMessage): string[] =>
    fields.map(({ number, name }) => `${number} ${name}`);
  expect(fieldsOf(StreamDeltasResponseSchema)).toEqual(["1 events"]);
  expect(RelayEventSchema.fields.filter(({ oneof }) => oneof?.name !== "event")).toEqual([]);
  expect(PartSchema.fields.filter(({ oneof }) => oneof?.name !== "kind")).toEqual([]);
  expect(fieldsOf(TextPartSchema)).toEqual(["1 text"]);
  expect(fieldsOf(DeltaRunSchema)).toEqual(["1 first_seq", "2 role", "3 block", "4 part", "5 lengths"]);
});
