import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { SubscribeResponseSchema } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { ChatErrorKind } from "../../src/gen/palaver/chat/v1/error_pb.js";
import { Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import type { Frame } from "../surroundings/clients/call.js";
import type { RpcFailure } from "../surroundings/clients/rpc-failure.js";
import { ambientInvariants, checkEnds, checkTogether, checkTranscript } from "./check.js";
import type { Conditions, Violation } from "./invariants/invariant.js";
import { legalLives, retold } from "./legal-life.fixture.js";
import { continued, readTranscript, type Transcript } from "./transcript.js";
import {
  caughtUp,
  delta,
  type Event,
  historyReset,
  keepalive,
  message,
  previewReset,
  status,
  textPart,
  transcribed,
} from "./transcript.fixture.js";
import { isSettled, viewAfter } from "./view.js";

const { PENDING, RUNNING, INTERRUPTING, WAITING, ERROR, REQUIRES_ACTION, UNSPECIFIED } = ChatStatus;
const { USER, ASSISTANT, TOOL } = Role;
const error: Event = { case: "error", value: { error: { message: "no", kind: ChatErrorKind.AUTH } } };
const call = (argsJson: string | undefined, argsDelta = "") => ({
  kind: {
    case: "toolCall" as const,
    value: { toolCallId: "1", toolName: "look", argsDelta, ...(argsJson === undefined ? {} : { argsJson }) },
  },
});
const result = (id: string, resultJson: string) => ({
  kind: { case: "toolResult" as const, value: { toolCallId: id, toolName: "look", resultJson } },
});

function violated(transcript: Transcript, conditions: Conditions = {}): string[] {
  return [...new Set(checkTranscript(transcript, conditions).map(({ invariant }) => invariant.id))];
}

function observed(violations: readonly Violation[]): string[] {
  return violations.map(({ invariant, observed: words }) => `${invariant.id}: ${words}`);
}

/** A turn that was watched from its beginning: everything as it should be. */
const question = message(1, 2, USER, "hello");
const turn: readonly Event[] = [
  status(WAITING),
  caughtUp,
  question,
  status(RUNNING),
  delta([2, 1], 1, "Hi"),
  delta([2, 1], 2, " there"),
  message(2, 3, ASSISTANT, "Hi there"),
  status(WAITING),
];

/** The turn with other events in place of those from `from` on. */
const then = (from: number, ...events: readonly Event[]): Transcript =>
  transcribed([...turn.slice(0, from), ...events]);

describe("a legal transcript", () => {
  it("of any life, told in any way that the rules allow, violates nothing, wherever it is cut", () => {
    fc.assert(
      fc.property(
        legalLives,
        fc.array(fc.nat(100), { minLength: 1 }),
        fc.nat(),
        fc.constantFrom("binary" as const, "json" as const),
        (life, choices, cut, encoding) => {
          const groups = retold(life, choices);
          const end = 1 + (cut % groups.length);
          const told = transcribed(groups.slice(0, end), { encoding });
          expect(observed(checkTranscript(told, { canaries: ["canary"] }))).toEqual([]);
        },
      ),
    );
  });

  it("may be taken up again after any response: each part and the whole are legal, and end with the same view", () => {
    fc.assert(
      fc.property(legalLives, fc.array(fc.nat(100), { minLength: 1 }), fc.nat(), (life, choices, cut) => {
        const groups = retold(life, choices);
        const at = 1 + (cut % groups.length);
        const before = transcribed(groups.slice(0, at));
        // Whoever comes back after it has caught up is told so first.
        const isCaughtUp = groups.slice(0, at).flat().includes(caughtUp);
        const after = transcribed([...(isCaughtUp ? [caughtUp] : []), ...groups.slice(at)], {
          cursor: `after ${at - 1}`,
          firstResponse: at,
        });
        const whole = continued(before, at - 1, after);
        expect(observed([before, after, whole].flatMap((told) => checkTranscript(told)))).toEqual([]);
        const once = transcribed(groups);
        expect(viewAfter(readTranscript(whole).events)).toEqual(viewAfter(readTranscript(once).events));
      }),
    );
  });

  it("agrees with any other of the same life", () => {
    fc.assert(
      fc.property(
        legalLives,
        fc.tuple(fc.array(fc.nat(100), { minLength: 1 }), fc.array(fc.nat(100), { minLength: 1 })),
        (life, ways) => {
          const told = ways.map((choices) => transcribed(retold(life, choices)));
          expect(observed(checkTogether(told))).toEqual([]);
          // A step that failed stays shown until somebody goes on.
          const allSettled = told.every((transcript) =>
            isSettled(viewAfter(readTranscript(transcript).events)),
          );
          if (allSettled) expect(observed(checkEnds(told))).toEqual([]);
        },
      ),
    );
  });

  it.each<[string, Transcript]>([
    ["a turn", transcribed(turn)],
    ["a snapshot of an error", transcribed([status(ERROR), question, error, caughtUp])],
    [
      "an interrupt that adds to what was shown",
      then(6, message(2, 3, ASSISTANT, "Hi there, y", { interrupted: true }), status(WAITING)),
    ],
    [
      "a call that broke off",
      then(
        4,
        delta([2, 1], 1, call(undefined, '{"a"')),
        message(2, 3, ASSISTANT, [call(undefined)], { interrupted: true }),
      ),
    ],
    [
      "a call whose arguments streamed",
      then(
        4,
        delta([2, 1], 1, call(undefined, '{"a"')),
        delta([2, 1], 2, call('{"a":1}')),
        message(2, 3, ASSISTANT, [call('{"a":1}')]),
      ),
    ],
    [
      "a failed attempt of which nothing is committed",
      then(6, error, status(ERROR), message(2, 5, USER, "again"), status(RUNNING)),
    ],
    [
      "results that come in any order",
      then(
        4,
        delta([2, 1], 1, result("2", "2"), { role: TOOL, block: 2 }),
        delta([2, 1], 2, result("1", "1"), { role: TOOL, block: 1 }),
        message(2, 3, TOOL, [result("1", "1"), result("2", "2")]),
        status(WAITING),
      ),
    ],
    ["a message written anew", then(8, message(1, 5, USER, "hello!"))],
    ["unknown events", transcribed([status(WAITING), [], caughtUp].filter((group) => !Array.isArray(group)))],
    [
      "a resumed stream that begins in the middle of a step",
      transcribed([delta([2, 1], [5, 9], "x"), caughtUp, message(2, 3, ASSISTANT, "abcx")], { cursor: "c" }),
    ],
    [
      "after a takeover, the step once more",
      then(
        6,
        previewReset,
        delta([2, 1], [1, 2], "Hi"),
        previewReset,
        delta([2, 2], 1, "Hey"),
        message(2, 3, ASSISTANT, "Hey"),
        status(WAITING),
      ),
    ],
  ])("may be %s", (_, transcript) => {
    expect(observed(checkTranscript(transcript))).toEqual([]);
  });
});

const failed = (failure: Partial<RpcFailure>): Frame => ({
  kind: "end",
  atMs: 99,
  end: {
    how: "failed",
    failure: {
      code: "INTERNAL",
      message: "no",
      reason: "INTERNAL",
      domain: "palaver.dev",
      metadata: {},
      violations: [],
      details: [],
      origin: "target",
      ...failure,
    },
  },
});
const ending = (...frames: readonly Frame[]): Transcript => {
  const whole = transcribed(turn);
  return { ...whole, frames: [...whole.frames, ...frames] };
};
const raw = (bytes: Uint8Array, encoding: "binary" | "json" = "binary"): Frame => ({
  kind: "message",
  atMs: 50,
  encoding,
  bytes,
});
const response = (events: readonly Event[], cursor: string): Frame =>
  raw(
    toBinary(
      SubscribeResponseSchema,
      create(SubscribeResponseSchema, { events: events.map((event) => ({ event })), cursor }),
    ),
  );
const versions = (snapshotVersion: bigint, historyVersion: bigint): Event => ({
  case: "chatUpdate",
  value: { chat: { versions: { snapshotVersion, historyVersion } } },
});

describe("a transcript that breaks one rule is found to break exactly that", () => {
  const cases: Readonly<Record<string, readonly (readonly [string, Transcript, Conditions?])[]>> = {
    "every-message-decodes": [
      ["garbage", ending(raw(Buffer.from([0xff, 0xff])))],
      ["garbage in JSON", ending(raw(Buffer.from("{"), "json"))],
      ["no events", ending(response([], "c"))],
      ["no cursor", ending(response([keepalive], ""))],
      ["a cursor that is too long", ending(response([keepalive], "é".repeat(129)))],
    ],
    "begins-with-status": [["another event first", transcribed([question, status(WAITING), caughtUp])]],
    "caught-up-once": [["twice", then(8, caughtUp)]],
    "nothing-after-end": [
      [
        "a message after the end",
        ending({ kind: "end", atMs: 9, end: { how: "completed" } }, response([keepalive], "c")),
      ],
      [
        "a message after the trailers",
        ending(
          { kind: "trailers", atMs: 9, headers: {}, bytes: new Uint8Array() },
          response([keepalive], "c"),
        ),
      ],
    ],
    "errors-explain": [
      ["no reason", ending(failed({ reason: undefined }))],
      ["another domain", ending(failed({ domain: "example.com" }))],
      ["an error event of no kind", then(8, { case: "error", value: { error: { message: "no" } } })],
      ["a retry without its error", then(8, { case: "retry", value: { retry: { attempt: 1 } } })],
    ],
    "seq-contiguous": [
      ["a gap", then(5, delta([2, 1], 3, " there"), message(2, 3, ASSISTANT, "Hi there"), status(WAITING))],
      [
        "a repetition",
        then(6, delta([2, 1], 2, "!"), message(2, 3, ASSISTANT, "Hi there!"), status(WAITING)),
      ],
      ["a beginning after 1", then(4, delta([2, 1], 2, "Hi"))],
      ["an end before the beginning", then(4, delta([2, 1], [1, 0], "Hi"))],
      ["attempt 0", then(4, delta([2, 0], 1, "Hi"))],
      ["a gap after a reset", then(6, previewReset, delta([2, 1], 3, "Hi"))],
      [
        "a resumed stream whose episode is not that of the cursor",
        transcribed([question, delta([2, 1], 2, "x")], { cursor: "c" }),
      ],
    ],
    "no-late-deltas": [
      ["after the commit", then(8, delta([2, 1], 3, "!"))],
      ["after a newer episode", then(4, delta([2, 2], 1, "Hi"), previewReset, delta([2, 1], 1, "Hi"))],
      ["after the history was rewritten", then(6, historyReset, delta([2, 1], 3, "x"))],
    ],
    "new-attempt-resets": [["no reset", then(6, delta([2, 2], 1, "Hi"))]],
    "commit-equals-deltas": [
      ["another text", then(6, message(2, 3, ASSISTANT, "Hi  there"), status(WAITING))],
      ["less", then(6, message(2, 3, ASSISTANT, "Hi"), status(WAITING))],
      ["more, without an interrupt", then(6, message(2, 3, ASSISTANT, "Hi there!"), status(WAITING))],
      [
        "less, after an interrupt",
        then(6, message(2, 3, ASSISTANT, "Hi", { interrupted: true }), status(WAITING)),
      ],
      [
        "another kind",
        then(
          6,
          message(2, 3, ASSISTANT, [{ kind: { case: "reasoning", value: { text: "Hi there" } } }]),
          status(WAITING),
        ),
      ],
      [
        "another order",
        then(
          4,
          delta([2, 1], 1, "a"),
          delta([2, 1], 2, "b", { block: 2 }),
          message(2, 3, ASSISTANT, [textPart("b"), textPart("a")]),
          status(WAITING),
        ),
      ],
      [
        "other arguments",
        then(
          4,
          delta([2, 1], 1, call('{"a":1}')),
          message(2, 3, ASSISTANT, [call('{"a":2}')]),
          status(WAITING),
        ),
      ],
      [
        "a lost result",
        then(
          4,
          delta([2, 1], 1, result("1", "1"), { role: TOOL }),
          message(2, 3, TOOL, [result("2", "2")]),
          status(WAITING),
        ),
      ],
    ],
    "message-ids-grow": [
      ["back", then(8, message(5, 5, USER, "a"), message(4, 6, USER, "b"))],
      ["zero", then(2, message(0, 2, USER, "a"))],
      ["an older version", then(8, message(2, 2, ASSISTANT, "Hi"))],
      ["one that was not asked for", { ...transcribed(turn), afterMessageId: 1n }],
    ],
    "no-message-twice": [["again", then(8, message(2, 3, ASSISTANT, "Hi there"))]],
    "versions-grow": [
      ["back", then(8, versions(5n, 4n), versions(4n, 4n))],
      ["an aspect that is newer than the chat", then(8, versions(5n, 6n))],
    ],
    "parts-well-formed": [
      ["no kind", then(8, message(3, 4, USER, [{}]))],
      [
        "a call without an id",
        then(8, message(3, 4, ASSISTANT, [{ kind: { case: "toolCall", value: { toolName: "look" } } }])),
      ],
      ["broken arguments", then(8, message(3, 4, ASSISTANT, [call("{")]))],
      [
        "a result without its value",
        then(
          8,
          message(3, 4, TOOL, [
            { kind: { case: "toolResult", value: { toolCallId: "1", toolName: "look" } } },
          ]),
        ),
      ],
      ["a file of no type", then(8, message(3, 4, USER, [{ kind: { case: "file", value: {} } }]))],
      [
        "a quotation of no file",
        then(8, message(3, 4, USER, [{ kind: { case: "fileReference", value: {} } }])),
      ],
      [
        "a source without its address",
        then(8, message(3, 4, ASSISTANT, [{ kind: { case: "source", value: {} } }])),
      ],
    ],
    "status-legal": [
      ["unspecified", then(8, status(UNSPECIFIED))],
      ["unknown", ending(raw(Buffer.from('{"events":[{"status":{"status":77}}],"cursor":"c"}'), "json"))],
      ["a turn without a message", then(8, status(RUNNING), status(WAITING))],
      ["idle before its messages", then(2, status(PENDING), status(WAITING), question)],
      ["from idle to failed", then(8, error, status(ERROR))],
      [
        "an interrupt that is followed by a failure, and nothing to run",
        then(4, status(INTERRUPTING), status(RUNNING), error, status(ERROR)),
      ],
    ],
    "status-not-repeated": [["again", then(8, status(WAITING))]],
    "idle-explained": [
      ["an error that nobody tells", then(6, status(ERROR))],
      ["one that is told too late", then(6, status(ERROR), error)],
      ["a snapshot without it", transcribed([status(ERROR), question, caughtUp])],
      ["calls that nobody tells", then(6, status(REQUIRES_ACTION))],
    ],
    "no-canary": [
      [
        "in a text",
        ending(response([message(3, 4, USER, "a-canary-1!")], "c")),
        { canaries: ["a-canary-1"] },
      ],
      ["in a field that nobody knows", ending(unknownField("a-canary-1")), { canaries: ["a-canary-1"] }],
      ["in bytes, as JSON has them", inJson("xa-canary-1y"), { canaries: ["a-canary-1"] }],
      ["in an error", ending(failed({ message: "a-canary-1" })), { canaries: ["a-canary-1"] }],
      [
        "in a header",
        ending({ kind: "trailers", atMs: 9, headers: { x: "a-canary-1" }, bytes: new Uint8Array() }),
        { canaries: ["a-canary-1"] },
      ],
      [
        "in base64 inside of a text, wherever it begins",
        then(
          2,
          ...["", "x", "xy"].map((before, index) =>
            message(index + 1, index + 2, USER, Buffer.from(`${before}a-canary-1?`).toString("base64")),
          ),
        ),
        { canaries: ["a-canary-1"] },
      ],
    ],
  };

  it.each(
    Object.entries(cases).flatMap(([id, breaking]) =>
      breaking.map(([how, transcript, conditions = {}]) => [id, how, transcript, conditions] as const),
    ),
  )("%s: %s", (id, _, transcript, conditions = {}) => {
    expect(violated(transcript, conditions)).toEqual([id]);
  });

  it("and every invariant has such a transcript", () => {
    expect(Object.keys(cases).toSorted()).toEqual(ambientInvariants.map(({ id }) => id).toSorted());
  });

  it("and each is found where it is", () => {
    const [violation] = checkTranscript(then(8, caughtUp));
    expect(violation).toMatchObject({ frame: 9, invariant: { rules: ["STREAM-2", "STREAM-3"] } });
  });

  it("each place of a canary is found", () => {
    const [, , , , , last] = cases["no-canary"] ?? [];
    expect(checkTranscript(last?.[1] as Transcript, last?.[2]).map(({ frame }) => frame)).toEqual([
      3, 4, 5, 3, 4, 5,
    ]);
  });
});

it("where links were cut, what is committed may be more than was shown; after a crash less", () => {
  for (const text of ["Hi there, you", "Hi"]) {
    const transcript = then(6, message(2, 3, ASSISTANT, text), status(WAITING));
    expect(violated(transcript, { disturbed: true })).toEqual([]);
  }
  const other = then(6, message(2, 3, ASSISTANT, "Ho there"), status(WAITING));
  expect(violated(other, { disturbed: true })).toEqual(["commit-equals-deltas"]);
});

describe("several subscribers of one chat", () => {
  const together = (...transcripts: readonly Transcript[]): string[] =>
    checkTogether(transcripts).map(({ invariant }) => invariant.id);

  it("see the same messages and the same deltas, merged in whatever way", () => {
    const merged = then(4, delta([2, 1], [1, 2], "Hi there"), ...turn.slice(6));
    expect(together(transcribed(turn), merged, then(5))).toEqual([]);
    expect(together(transcribed(turn), then(6, message(2, 3, ASSISTANT, "Hi, there")))).toEqual([
      "same-messages",
    ]);
    expect(together(transcribed(turn), then(4, delta([2, 1], 1, "Ho")))).toEqual(["same-deltas"]);
  });

  it("end with the same view", () => {
    const ends = (...transcripts: readonly Transcript[]): string[] =>
      checkEnds(transcripts).map(({ observed }) => observed);
    const queue: Event = { case: "queueUpdate", value: { queue: [{ id: 1n, parts: [textPart("later")] }] } };
    const snapshot = transcribed([status(WAITING), question, message(2, 3, ASSISTANT, "Hi there"), caughtUp]);
    expect(ends(transcribed(turn), snapshot)).toEqual([]);
    expect(ends(transcribed(turn), then(8, message(3, 4, USER, "more")))).toEqual([
      expect.stringContaining("only one has message 3"),
    ]);
    expect(ends(transcribed(turn), then(8, queue))).toEqual([expect.stringContaining("the queue")]);
    expect(ends(transcribed(turn), then(6))).toEqual([
      expect.stringContaining("not come to an end"),
      expect.stringContaining("WAITING and RUNNING"),
    ]);
  });
});

it("two subscriptions are one only where the second began at the first's cursor", () => {
  const before = transcribed(turn.slice(0, 4));
  const after = transcribed(turn.slice(4), { cursor: "after 2", firstResponse: 4 });
  expect(() => continued(before, 3, after)).toThrow("did not begin with the cursor");
  expect(() => continued(before, 9, after)).toThrow(RangeError);
});

/** A response with a field that no schema has, deep inside. */
function unknownField(text: string): Frame {
  const event = new BinaryWriter().tag(999, WireType.LengthDelimited).string(text).finish();
  const bytes = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .bytes(event)
    .tag(2, WireType.LengthDelimited)
    .string("c")
    .finish();
  return raw(bytes);
}

function inJson(data: string): Transcript {
  const file = {
    kind: {
      case: "file" as const,
      value: { mediaType: "text/plain", content: { case: "data" as const, value: Buffer.from(data) } },
    },
  };
  return transcribed([status(WAITING), caughtUp, message(1, 2, USER, [file])], { encoding: "json" });
}
