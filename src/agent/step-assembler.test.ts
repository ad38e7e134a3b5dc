import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ModelEvent } from "../models/index.js";
import { StepAssembler, type StepDelta } from "./step-assembler.js";

const at = "2026-01-01T00:00:00.000Z";

function assemble(events: readonly ModelEvent[]): { assembler: StepAssembler; deltas: StepDelta[] } {
  const assembler = new StepAssembler();
  const deltas = events.flatMap((event) => assembler.push(event, at));
  return { assembler, deltas: [...deltas, ...assembler.flush(at)] };
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
});

it("tells how the model ended", () => {
  expect(assemble([{ type: "text", block: "0", delta: "x" }]).assembler.finish).toBeUndefined();
  expect(assemble([finish]).assembler.finish).toEqual({ reason: "stop", usage: {} });
});
