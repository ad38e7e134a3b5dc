import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Part, PartSchema, Role } from "../gen/palaver/chat/v1/message_pb.js";
import { type CheckpointDelta, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.js";
import { foldDeltas } from "./fold-deltas.js";
import { partToProto } from "./to-proto.js";

function deltasOf(...parts: readonly (readonly [block: number, part: Part])[]): CheckpointDelta[] {
  return parts.map(([block, part], index) => {
    const seq = index + 1;
    return { firstSeq: seq, seq, role: Role.ASSISTANT, block, part };
  });
}

function text(value: string): Part {
  return partToProto({ type: "text", text: value });
}

function argsFragment(argsDelta: string): Part {
  const value = { toolCallId: "c1", toolName: "lookup", argsDelta };
  return create(PartSchema, { kind: { case: "toolCall", value } });
}

function spans(deltas: readonly CheckpointDelta[]): [number, number][] {
  return deltas.map(({ firstSeq, seq }) => [firstSeq, seq]);
}

describe("chunks of an episode", () => {
  const blocks = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.string({ unit: "grapheme" })));
  const cuts = fc.array(fc.nat({ max: 9 }));

  it("are read as one, wherever they were cut: without gap or repeat, every block's text byte for byte (STREAM-5, 6)", () => {
    fc.assert(
      fc.property(blocks, cuts, (fragments, lengths) => {
        const deltas = deltasOf(...fragments.map(([block, value]) => [block, text(value)] as const));
        const rest = [...deltas];
        const chunks = [...lengths.map((length) => rest.splice(0, length)), rest].map(encodeCheckpoint);
        const read = decodeCheckpoint(chunks);
        expect(read.map(({ firstSeq }) => firstSeq)).toEqual(
          read.map((_, index) => (read[index - 1]?.seq ?? 0) + 1),
        );
        expect(read.at(-1)?.seq ?? 0).toBe(deltas.length);
        expect(foldDeltas(read)).toEqual(foldDeltas(deltas));
        expect(read.every(({ block }, index) => block !== read[index - 1]?.block)).toBe(true);
      }),
    );
  });

  it("do not change when they are joined", () => {
    const deltas = deltasOf([1, text("a")], [1, text("b")]);
    const chunk = encodeCheckpoint(deltas);
    expect(decodeCheckpoint([chunk])).toEqual(decodeCheckpoint([chunk]));
    expect(deltas).toEqual(deltasOf([1, text("a")], [1, text("b")]));
  });

  it("end before a gap, or before one that cannot be read", () => {
    const [a, b, c, d] = deltasOf([1, text("a")], [2, text("b")], [1, text("c")], [2, text("d")]).map(
      (delta) => encodeCheckpoint([delta]),
    );
    if (a === undefined || b === undefined || c === undefined || d === undefined)
      throw new Error("four chunks");
    expect(spans(decodeCheckpoint([a, b, d]))).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(spans(decodeCheckpoint([a, new Uint8Array([255, 255]), c, d]))).toEqual([[1, 1]]);
    expect(spans(decodeCheckpoint([b]))).toEqual([]);
  });

  it("are joined into events that stock clients accept, however long the step is", () => {
    const chunks = deltasOf(...Array.from({ length: 50 }, () => [1, text("x".repeat(100_000))] as const)).map(
      (delta) => encodeCheckpoint([delta]),
    );
    const read = decodeCheckpoint(chunks);
    expect(spans(read)).toEqual(Array.from({ length: 25 }, (_, index) => [2 * index + 1, 2 * index + 2]));
    expect(foldDeltas(read).parts).toEqual([{ type: "text", text: "x".repeat(5_000_000) }]);
  });

  it("that were written twice count once", () => {
    const deltas = deltasOf([1, text("a")], [1, text("b")], [1, text("c")]);
    const chunks = [deltas, deltas.slice(1)].map(encodeCheckpoint);
    expect(foldDeltas(decodeCheckpoint(chunks)).parts).toEqual([{ type: "text", text: "abc" }]);
  });

  it("keep when reasoning began, and the call that completes its fragments apart", () => {
    const startedAt = "2026-01-01T00:00:00.000Z";
    const call = partToProto({
      type: "tool-call",
      tool_call_id: "c1",
      tool_name: "lookup",
      args_json: "[1]",
    });
    const deltas = deltasOf(
      [1, partToProto({ type: "reasoning", text: "h", started_at: startedAt })],
      [1, partToProto({ type: "reasoning", text: "m" })],
      [2, argsFragment("[")],
      [2, argsFragment("1]")],
      [2, call],
    );
    const read = decodeCheckpoint([encodeCheckpoint(deltas)]);
    expect(spans(read)).toEqual([
      [1, 2],
      [3, 4],
      [5, 5],
    ]);
    expect(foldDeltas(read).parts).toEqual([
      { type: "reasoning", text: "hm", started_at: startedAt },
      { type: "tool-call", tool_call_id: "c1", tool_name: "lookup", args_json: "[1]" },
    ]);
  });
});

describe("what deltas add up to", () => {
  it("is a tool message where they are results of tools", () => {
    const result = {
      type: "tool-result",
      tool_call_id: "c1",
      tool_name: "lookup",
      result_json: "1",
    } as const;
    const deltas = deltasOf([1, partToProto(result)]).map((delta) => ({ ...delta, role: Role.TOOL }));
    expect(foldDeltas(deltas)).toEqual({ role: "tool", parts: [result] });
  });

  it("has a call that broke off in its arguments without them", () => {
    expect(foldDeltas(deltasOf([1, argsFragment("[")])).parts).toEqual([
      { type: "tool-call", tool_call_id: "c1", tool_name: "lookup" },
    ]);
  });

  it("leaves out what an older program does not know", () => {
    expect(foldDeltas(deltasOf([1, create(PartSchema)], [2, text("a")])).parts).toEqual([
      { type: "text", text: "a" },
    ]);
  });
});
