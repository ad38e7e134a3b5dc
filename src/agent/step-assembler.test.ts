import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Role } from "../gen/palaver/chat/v1/message_pb.js";
import type { ModelEvent } from "../models/index.js";
import { foldDeltas, type StoredPart } from "../protocol/index.js";
import { StepAssembler, type StepDelta } from "./step-assembler.js";

const at = "2026-01-01T00:00:00.000Z";

function assemble(events: readonly ModelEvent[]): { assembler: StepAssembler; deltas: StepDelta[] } {
  const assembler = new StepAssembler(() => at);
  const deltas = events.flatMap((event) => assembler.push(event));
  return { assembler, deltas: [...deltas, ...assembler.flush()] };
}

function textOf(deltas: readonly StepDelta[], block: number): string {
  return deltas
    .filter((delta) => delta.block === block)
    .map(({ part }) =>
      part.kind.case === "text" || part.kind.case === "reasoning" ? part.kind.value.text : "",
    )
    .join("");
}

const finish: ModelEvent = { type: "finish", reason: "stop", usage: {} };

describe("text", () => {
  it("is committed as it was shown, whatever the fragments (STREAM-8)", () => {
    const chunks = fc.array(fc.string({ unit: "binary", maxLength: 8 }), { maxLength: 20 });
    fc.assert(
      fc.property(chunks, (pieces) => {
        const { assembler, deltas } = assemble(pieces.map((delta) => ({ type: "text", block: "0", delta })));
        const [part] = assembler.parts();
        const shown = textOf(deltas, 1);
        expect(part?.type === "text" ? part.text : "").toBe(shown);
        expect(shown).toBe(pieces.join("").toWellFormed());
      }),
    );
  });

  it("keeps a code point whole that arrives in two halves (STREAM-16)", () => {
    const pieces = ["a\ud83d", "\ude00b"];
    const { deltas } = assemble(pieces.map((delta) => ({ type: "text", block: "0", delta })));
    expect(deltas.map((delta) => textOf([delta], 1))).toEqual(["a", "😀b"]);
  });

  it("gives out half a code point as U+FFFD when the rest never comes", () => {
    const { assembler, deltas } = assemble([{ type: "text", block: "0", delta: "a\ud83d" }, finish]);
    expect(textOf(deltas, 1)).toBe("a\ufffd");
    expect(assembler.parts()).toEqual([{ type: "text", text: "a\ufffd" }]);
  });
});

describe("blocks", () => {
  it("that interleave keep their own text and the order in which they began", () => {
    const { assembler, deltas } = assemble([
      { type: "reasoning", block: "r", delta: "hm" },
      { type: "text", block: "t", delta: "He" },
      { type: "reasoning", block: "r", delta: "m" },
      { type: "text", block: "t", delta: "y" },
      { type: "block-end", block: "r" },
      { type: "block-end", block: "t" },
    ]);
    expect(deltas.map((delta) => delta.block)).toEqual([1, 2, 1, 2]);
    expect(assembler.parts()).toMatchObject([
      { type: "reasoning", text: "hmm", started_at: at, completed_at: at },
      { type: "text", text: "Hey" },
    ]);
  });

  it("of the same id are new blocks once ended", () => {
    const { assembler } = assemble([
      { type: "text", block: "0", delta: "one" },
      { type: "block-end", block: "0" },
      { type: "text", block: "0", delta: "two" },
    ]);
    expect(assembler.parts()).toMatchObject([{ text: "one" }, { text: "two" }]);
  });

  it("that stay empty are left out, but for signed reasoning", () => {
    const metadata = { anthropic: { signature: "c2ln" } };
    const { assembler, deltas } = assemble([
      { type: "text", block: "0", delta: "" },
      { type: "reasoning", block: "1", delta: "", metadata },
      { type: "block-end", block: "1" },
    ]);
    expect(deltas).toEqual([]);
    expect(assembler.parts()).toMatchObject([{ type: "reasoning", text: "", provider_metadata: metadata }]);
  });
});

describe("tool calls", () => {
  it("stream their arguments and end with the whole call", () => {
    const input = {
      type: "tool-input",
      toolCallId: "c1",
      toolName: "lookup",
      providerExecuted: false,
    } as const;
    const { assembler, deltas } = assemble([
      { ...input, delta: "" },
      { ...input, delta: '{"q":' },
      { ...input, delta: "1}" },
      {
        type: "tool-call",
        toolCallId: "c1",
        toolName: "lookup",
        argsJson: '{"q":1}',
        providerExecuted: false,
      },
    ]);
    expect(
      deltas.map(({ part }) =>
        part.kind.case === "toolCall" ? [part.kind.value.argsDelta, part.kind.value.argsJson] : [],
      ),
    ).toEqual([
      ['{"q":', undefined],
      ["1}", undefined],
      ["", '{"q":1}'],
    ]);
    expect(assembler.parts()).toEqual([
      { type: "tool-call", tool_call_id: "c1", tool_name: "lookup", args_json: '{"q":1}', created_at: at },
    ]);
  });

  it("keep a code point of their arguments whole that arrives in two halves (STREAM-16)", () => {
    const input = {
      type: "tool-input",
      toolCallId: "c1",
      toolName: "lookup",
      providerExecuted: false,
    } as const;
    const pieces = ['"\ud83d', "\ude00", '\ud83d"'];
    const { deltas } = assemble(pieces.map((delta) => ({ ...input, delta })));
    const shown = deltas.map(({ part }) => (part.kind.case === "toolCall" ? part.kind.value.argsDelta : ""));
    expect(shown).toEqual(['"', "😀", '\ufffd"']);
  });

  it("that break off in their arguments have none", () => {
    const { assembler } = assemble([
      { type: "tool-input", toolCallId: "c1", toolName: "lookup", delta: '{"q":', providerExecuted: false },
    ]);
    expect(assembler.parts()).toEqual([
      { type: "tool-call", tool_call_id: "c1", tool_name: "lookup", created_at: at },
    ]);
  });

  it("that share an id, or have none, are told apart", () => {
    const call = (toolCallId: string, argsJson: string): ModelEvent => ({
      type: "tool-call",
      toolCallId,
      toolName: "lookup",
      argsJson,
      providerExecuted: false,
    });
    const { assembler } = assemble([call("c", "1"), call("c", "2"), call("", "3"), call("", "4")]);
    const calls = assembler
      .parts()
      .map((part) => (part.type === "tool-call" ? [part.tool_call_id, part.args_json] : []));
    expect(calls).toEqual([
      ["c", "1"],
      ["c_2", "2"],
      ["_3", "3"],
      ["_4", "4"],
    ]);
  });

  it("of the provider are followed by their results, also when they ran in parallel (PART-6)", () => {
    const call = (toolCallId: string): ModelEvent => ({
      type: "tool-call",
      toolCallId,
      toolName: "web_search",
      argsJson: "{}",
      providerExecuted: true,
    });
    const result = (toolCallId: string): ModelEvent => ({
      type: "tool-result",
      toolCallId,
      toolName: "web_search",
      resultJson: "null",
      isError: false,
      metadata: { anthropic: { encrypted: toolCallId } },
    });
    const { assembler, deltas } = assemble([
      call("a"),
      call("b"),
      result("a"),
      result("b"),
      { type: "text", block: "0", delta: "so" },
    ]);
    expect(
      assembler.parts().map((part) => `${part.type} ${"tool_call_id" in part ? part.tool_call_id : ""}`),
    ).toEqual(["tool-call a", "tool-result a", "tool-call b", "tool-result b", "text "]);
    expect(inspect(deltas, { depth: null })).not.toContain("encrypted");
  });

  it("of the provider that share an id are each followed by their own result", () => {
    const call: ModelEvent = {
      type: "tool-call",
      toolCallId: "a",
      toolName: "web_search",
      argsJson: "{}",
      providerExecuted: true,
    };
    const result = (resultJson: string): ModelEvent => ({
      type: "tool-result",
      toolCallId: "a",
      toolName: "web_search",
      resultJson,
      isError: false,
    });
    const { assembler } = assemble([call, result("1"), call, result("2")]);
    const parts = assembler
      .parts()
      .map((part) => ("tool_call_id" in part ? [part.type, part.tool_call_id] : []));
    expect(parts).toEqual([
      ["tool-call", "a"],
      ["tool-result", "a"],
      ["tool-call", "a_3"],
      ["tool-result", "a_3"],
    ]);
  });
});

it("tells how the model ended", () => {
  expect(assemble([{ type: "text", block: "0", delta: "x" }]).assembler.finish).toBeUndefined();
  expect(assemble([finish]).assembler.finish).toEqual({ reason: "stop", usage: {} });
});

describe("what was shown", () => {
  const block = fc.constantFrom("0", "1");
  const metadata = fc.constantFrom(undefined, { anthropic: { signature: "c2ln" } });
  const toolCallId = fc.constantFrom("c1", "c2");
  const called = { toolName: "lookup", providerExecuted: true };
  const modelEvent: fc.Arbitrary<ModelEvent> = fc.oneof(
    fc.record({
      type: fc.constantFrom("text" as const, "reasoning" as const),
      block,
      delta: fc.string({ unit: "binary", maxLength: 4 }),
      metadata,
    }),
    fc.record({ type: fc.constant("block-end" as const), block, metadata }),
    fc
      .record({ type: fc.constant("tool-input" as const), toolCallId, delta: fc.constantFrom("{", "}") })
      .map((event) => ({ ...event, ...called })),
    fc
      .record({
        type: fc.constant("tool-call" as const),
        toolCallId,
        argsJson: fc.constantFrom("{}", undefined),
        metadata,
      })
      .map((event) => ({ ...event, ...called })),
    fc
      .record({ type: fc.constant("tool-result" as const), toolCallId, isError: fc.boolean(), metadata })
      .map((event) => ({ ...event, toolName: "lookup", resultJson: "null" })),
    fc.record({
      type: fc.constant("file" as const),
      mediaType: fc.constant("image/png"),
      data: fc.uint8Array({ maxLength: 4 }),
    }),
    fc.record({
      type: fc.constant("source" as const),
      url: fc.webUrl(),
      sourceId: fc.constantFrom("s1", undefined),
      title: fc.constantFrom("t", undefined),
    }),
  );

  /** Without what no client sees, nor when an unfinished block began or ended. */
  function asShown(parts: readonly StoredPart[]): unknown[] {
    return parts
      .filter((part) => !("text" in part) || part.text !== "")
      .map((part) => {
        const {
          provider_metadata: _metadata,
          completed_at: _completed,
          ...shown
        } = part as StoredPart & {
          provider_metadata?: unknown;
          completed_at?: unknown;
        };
        if (shown.type === "tool-call" && shown.args_json === undefined) delete shown.created_at;
        return shown;
      });
  }

  it("adds up to what would have been committed, but for what no client sees (INT-2)", () => {
    fc.assert(
      fc.property(fc.array(modelEvent, { maxLength: 30 }), (events) => {
        const { assembler, deltas } = assemble(events);
        const shown = deltas.map((delta, index) => ({
          ...delta,
          role: Role.ASSISTANT,
          firstSeq: index + 1,
          seq: index + 1,
        }));
        expect(asShown(foldDeltas(shown).parts)).toEqual(asShown(assembler.parts()));
      }),
      { numRuns: 500 },
    );
  });
});
