import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { SubscribeResponseSchema } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { encodeCaughtUp, encodeDeltas } from "../floors/encode.js";
import { emptyHash, hashBytes, hashText, stepText } from "./delta-text.js";
import { checkDelivered } from "./fan-out.js";
import { readResponse } from "./read-response.js";

/** What the reader by hand finds in a message. */
function read(bytes: Buffer, start = 0): unknown[] {
  const seen: unknown[] = [];
  readResponse(bytes, start, bytes.length, {
    messagePart: (firstSeq, seq, from, textStart, textEnd) =>
      void seen.push([firstSeq, seq, from.toString("utf8", textStart, textEnd)]),
    other: (field) => void seen.push(field),
  });
  return seen;
}

describe("what subscribers read by hand", () => {
  it("are the numbers and the text of deltas, whatever stands around them", () => {
    const text = (words: string) => ({ kind: { case: "text" as const, value: { text: words } } });
    const episode = { historyVersion: 300n, generationAttempt: 2 };
    const part = { episode, role: Role.ASSISTANT, block: 3 };
    const call = { toolCallId: "a", toolName: "b" };
    const response = create(SubscribeResponseSchema, {
      cursor: "c".repeat(200),
      events: [
        { event: { case: "status", value: { status: ChatStatus.RUNNING } } },
        {
          event: {
            case: "messagePart",
            value: { ...part, firstSeq: 1n, seq: 70_000n, part: text("ä".repeat(300)) },
          },
        },
        {
          event: { case: "messagePart", value: { ...part, firstSeq: 70_001n, seq: 70_001n, part: text("") } },
        },
        {
          event: {
            case: "messagePart",
            value: { ...part, firstSeq: 5n, seq: 5n, part: { kind: { case: "toolCall", value: call } } },
          },
        },
        { event: { case: "caughtUp", value: {} } },
      ],
    });
    expect(read(Buffer.from(toBinary(SubscribeResponseSchema, response)))).toEqual([
      1,
      [1, 70_000, "ä".repeat(300)],
      [70_001, 70_001, ""],
      [5, 5, ""],
      11,
    ]);
  });

  it("is what the floor sends", () => {
    expect(read(encodeDeltas(3, 4, "hello"), 5)).toEqual([[3, 4, "hello"]]);
    expect(read(encodeCaughtUp(), 5)).toEqual([11]);
  });

  it("hashes the same in pieces as at once", () => {
    const bytes = Buffer.from(stepText(10, 120));
    const pieces = hashBytes(hashBytes(emptyHash, bytes, 0, 500), bytes, 500, bytes.length);
    expect(pieces).toBe(hashText(stepText(10, 120)));
    expect(pieces).not.toBe(hashText(stepText(10, 120).replace("a", "b")));
  });
});

describe("what was delivered", () => {
  const shape = { deltas: 10, deltaBytes: 4 };
  const text = stepText(10, 4);
  const right = {
    deltas: 20,
    responses: 20,
    wireBytes: 0,
    hashes: [hashText(text)],
    textBytes: [40],
    faults: [],
  };

  it("is right when everybody has everything", () => {
    expect(() => checkDelivered(right, { count: 2, shape, text })).not.toThrow();
  });

  it.each([
    ["a delta is missing", { deltas: 19 }],
    ["somebody has another text", { hashes: [hashText(text), 1] }],
    ["all have another text", { hashes: [1] }],
    ["a text is shorter", { textBytes: [39] }],
    ["a stream has ended", { faults: ["the stream ended (0)"] }],
  ])("is wrong when %s", (_, wrong) => {
    expect(() => checkDelivered({ ...right, ...wrong }, { count: 2, shape, text })).toThrow("lost, doubled");
  });
});
