import type { LanguageModelV3Prompt } from "@ai-sdk/provider";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StoredPart } from "../protocol/index.js";
import { buildPrompt } from "./build-prompt.js";
import type { HistoryMessage } from "./model.js";

const target = { provider: "anthropic" };
const own = "anthropic/claude";
const foreign = "openai/gpt";

const text = (content: string): StoredPart => ({ type: "text", text: content });
const user = (...parts: StoredPart[]): HistoryMessage => ({
  role: "user",
  parts: parts.length === 0 ? [text("hi")] : parts,
});
const system = (content: string): HistoryMessage => ({ role: "system", parts: [text(content)] });
const assistant = (model: string | undefined, ...parts: StoredPart[]): HistoryMessage => ({
  role: "assistant",
  parts,
  model,
});
const tool = (...parts: StoredPart[]): HistoryMessage => ({ role: "tool", parts });
const call = (id: string, fields: object = {}): StoredPart => ({
  type: "tool-call",
  tool_call_id: id,
  tool_name: "clock",
  args_json: '{"a":1}',
  ...fields,
});
const result = (id: string, fields: object = {}): StoredPart => ({
  type: "tool-result",
  tool_call_id: id,
  tool_name: "clock",
  result_json: '{"ok":true}',
  ...fields,
});
const signed = { anthropic: { signature: "s" } };

const promptText = (content: string): object => ({ type: "text", text: content });
const toolCall = (toolCallId: string, fields: object = {}): object => ({
  type: "tool-call",
  toolCallId,
  toolName: "clock",
  input: { a: 1 },
  ...fields,
});
const toolResult = (toolCallId: string, output: object = { type: "json", value: { ok: true } }): object => ({
  type: "tool-result",
  toolCallId,
  toolName: "clock",
  output,
});
const hi = { role: "user", content: [promptText("hi")] };
const noResult = {
  type: "error-json",
  value: { error: "This call has no result: it was interrupted before it was done." },
};

const cases: readonly (readonly [
  title: string,
  history: readonly HistoryMessage[],
  prompt: readonly object[],
])[] = [
  [
    "blank text parts are left out",
    [user(text(" \n"), text("hi")), assistant(own, text(""), text("yo"))],
    [hi, { role: "assistant", content: [promptText("yo")] }],
  ],
  [
    "an assistant message that ends up empty is left out",
    [user(), assistant(own, text(" ")), user()],
    [hi, hi],
  ],
  [
    "a user message that ends up empty says so",
    [user(text(""))],
    [{ role: "user", content: [promptText("(empty message)")] }],
  ],
  [
    "without a user message there is one nevertheless",
    [system("s"), assistant(own, text("yo"))],
    [
      { role: "system", content: "s" },
      { role: "user", content: [promptText("(empty message)")] },
      { role: "assistant", content: [promptText("yo")] },
    ],
  ],
  [
    "system messages come first",
    [user(), system("one"), system("two")],
    [{ role: "system", content: "one" }, { role: "system", content: "two" }, hi],
  ],
  [
    "invisible code points leave system messages only",
    [system("a\u200Bb\u{E0041}\u202E\u00ADc\uFE0F\u0007\n\td"), user(text("h\u200Bi"))],
    [
      { role: "system", content: "abc\n\td" },
      { role: "user", content: [promptText("h\u200Bi")] },
    ],
  ],
  ["a system message of invisible code points is left out", [system("\u200B\u2060"), user()], [hi]],
  [
    "calls and results go together",
    [user(), assistant(own, call("c1"), call("c2")), tool(result("c2")), tool(result("c1"))],
    [
      hi,
      { role: "assistant", content: [toolCall("c1"), toolCall("c2")] },
      { role: "tool", content: [toolResult("c1"), toolResult("c2")] },
    ],
  ],
  [
    "a call without a result gets an error result",
    [user(), assistant(own, call("c1")), user()],
    [
      hi,
      { role: "assistant", content: [toolCall("c1")] },
      { role: "tool", content: [toolResult("c1", noResult)] },
      hi,
    ],
  ],
  [
    "a result that comes late moves to its call",
    [user(), assistant(own, call("c1")), user(), tool(result("c1"))],
    [hi, { role: "assistant", content: [toolCall("c1")] }, { role: "tool", content: [toolResult("c1")] }, hi],
  ],
  [
    "a result without a call is left out",
    [user(), tool(result("c9")), assistant(own, text("yo"))],
    [hi, { role: "assistant", content: [promptText("yo")] }],
  ],
  [
    "of two results the first counts",
    [user(), assistant(own, call("c1")), tool(result("c1"), result("c1", { result_json: "2" }))],
    [hi, { role: "assistant", content: [toolCall("c1")] }, { role: "tool", content: [toolResult("c1")] }],
  ],
  [
    "ids are sanitised and stay unique",
    [
      user(),
      assistant(own, call("a.b"), call("a:b"), call("")),
      tool(result("a:b", { result_json: "2" }), result("a.b")),
    ],
    [
      hi,
      { role: "assistant", content: [toolCall("a_b"), toolCall("a_b_2"), toolCall("call")] },
      {
        role: "tool",
        content: [
          toolResult("a_b"),
          toolResult("a_b_2", { type: "json", value: 2 }),
          toolResult("call", noResult),
        ],
      },
    ],
  ],
  [
    "an id used again belongs to the later call",
    [
      user(),
      assistant(own, call("c1")),
      tool(result("c1")),
      assistant(own, call("c1")),
      tool(result("c1", { result_json: "2" })),
    ],
    [
      hi,
      { role: "assistant", content: [toolCall("c1")] },
      { role: "tool", content: [toolResult("c1")] },
      { role: "assistant", content: [toolCall("c1_2")] },
      { role: "tool", content: [toolResult("c1_2", { type: "json", value: 2 })] },
    ],
  ],
  [
    "arguments that are absent, broken or no object become empty ones",
    [
      user(),
      assistant(
        own,
        call("c1", { args_json: undefined }),
        call("c2", { args_json: "{" }),
        call("c3", { args_json: "[1]" }),
      ),
      tool(result("c1"), result("c2"), result("c3")),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          toolCall("c1", { input: {} }),
          toolCall("c2", { input: {} }),
          toolCall("c3", { input: {} }),
        ],
      },
      { role: "tool", content: [toolResult("c1"), toolResult("c2"), toolResult("c3")] },
    ],
  ],
  [
    "results are encoded by what they are",
    [
      user(),
      assistant(own, call("c1"), call("c2"), call("c3"), call("c4"), call("c5")),
      tool(
        result("c1", { result_json: '"plain"' }),
        result("c2", { result_json: "no json" }),
        result("c3", { result_json: '{"error":"x"}', is_error: true }),
        result("c4", { result_json: "bad", is_error: true }),
        result("c5", { result_json: '{"data":"AAAA","media_type":"image/png"}', is_media: true }),
      ),
    ],
    [
      hi,
      { role: "assistant", content: ["c1", "c2", "c3", "c4", "c5"].map((id) => toolCall(id)) },
      {
        role: "tool",
        content: [
          toolResult("c1", { type: "json", value: "plain" }),
          toolResult("c2", { type: "text", value: "no json" }),
          toolResult("c3", { type: "error-json", value: { error: "x" } }),
          toolResult("c4", { type: "error-text", value: "bad" }),
          toolResult("c5", {
            type: "content",
            value: [{ type: "image-data", data: "AAAA", mediaType: "image/png" }],
          }),
        ],
      },
    ],
  ],
  [
    "signed reasoning goes back byte for byte, even when empty",
    [
      user(),
      assistant(
        own,
        { type: "reasoning", text: " \n", provider_metadata: signed },
        { type: "reasoning", text: "", provider_metadata: signed },
        text("yo"),
      ),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: " \n", providerOptions: signed },
          { type: "reasoning", text: "", providerOptions: signed },
          promptText("yo"),
        ],
      },
    ],
  ],
  [
    "another provider's reasoning is left out, signed or not",
    [
      user(),
      assistant(
        foreign,
        { type: "reasoning", text: "hm", provider_metadata: { openai: { itemId: "r" } } },
        { type: "reasoning", text: "hm" },
        text("yo"),
      ),
      assistant(undefined, { type: "reasoning", text: "hm", provider_metadata: signed }, text("yo")),
    ],
    [
      hi,
      { role: "assistant", content: [promptText("yo")] },
      { role: "assistant", content: [promptText("yo")] },
    ],
  ],
  [
    "unsigned reasoning goes back to its own provider, if there is any",
    [user(), assistant(own, { type: "reasoning", text: "hm" }, { type: "reasoning", text: "" }, text("yo"))],
    [hi, { role: "assistant", content: [{ type: "reasoning", text: "hm" }, promptText("yo")] }],
  ],
  [
    "metadata goes back to its own provider only",
    [
      user(),
      assistant(
        own,
        { ...text("a"), provider_metadata: signed } as StoredPart,
        call("c1", { provider_metadata: signed }),
      ),
      tool(result("c1")),
      assistant(foreign, { ...text("b"), provider_metadata: signed } as StoredPart),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          { ...promptText("a"), providerOptions: signed },
          toolCall("c1", { providerOptions: signed }),
        ],
      },
      { role: "tool", content: [toolResult("c1")] },
      { role: "assistant", content: [promptText("b")] },
    ],
  ],
  [
    "what the provider ran stays in the assistant message",
    [
      user(),
      assistant(
        own,
        call("s1", { provider_executed: true }),
        result("s1", { provider_executed: true, provider_metadata: signed }),
        text("yo"),
      ),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          toolCall("s1", { providerExecuted: true }),
          { ...toolResult("s1"), providerOptions: signed },
          promptText("yo"),
        ],
      },
    ],
  ],
  [
    "what another provider ran is left out",
    [
      user(),
      assistant(
        foreign,
        call("s1", { provider_executed: true }),
        result("s1", { provider_executed: true }),
        text("yo"),
      ),
    ],
    [hi, { role: "assistant", content: [promptText("yo")] }],
  ],
  [
    "half of what the provider ran is left out",
    [
      user(),
      assistant(
        own,
        call("s1", { provider_executed: true }),
        result("s2", { provider_executed: true }),
        text("yo"),
      ),
    ],
    [hi, { role: "assistant", content: [promptText("yo")] }],
  ],
  [
    "file references become text with name and lines",
    [
      user(
        { type: "file-reference", file_name: "a.ts", start_line: 3, end_line: 5, content: "x\ny" },
        { type: "file-reference", file_name: "b.ts", start_line: 7, end_line: 7, content: "" },
      ),
    ],
    [
      {
        role: "user",
        content: [promptText('File "a.ts", lines 3-5:\nx\ny'), promptText('File "b.ts", line 7')],
      },
    ],
  ],
  [
    "files go as files, texts as text, and what is gone says so",
    [
      user(
        { type: "file", data: "AAAA", media_type: "image/png", name: "p.png" },
        {
          type: "file",
          data: Buffer.from("wörter").toString("base64"),
          media_type: "text/plain",
          name: "w.txt",
        },
        { type: "file", file_id: "f1", media_type: "application/pdf", name: "d.pdf" },
      ),
    ],
    [
      {
        role: "user",
        content: [
          { type: "file", data: "AAAA", mediaType: "image/png", filename: "p.png" },
          promptText('File "w.txt" (text/plain):\nwörter'),
          promptText('[File "d.pdf" (application/pdf): its content is no longer available]'),
        ],
      },
    ],
  ],
  [
    "unpaired surrogates do not leave the house",
    [user(text("a\uD800b"))],
    [{ role: "user", content: [promptText("a\uFFFDb")] }],
  ],
  [
    "sources are left out",
    [user(), assistant(own, text("yo"), { type: "source", url: "https://example.com" })],
    [hi, { role: "assistant", content: [promptText("yo")] }],
  ],
];

describe("the prompt", () => {
  it.each(cases)("%s", (_title, history, prompt) => {
    expect(buildPrompt(history, target)).toEqual(prompt);
  });

  it("inlines at most 128 KiB of a text file, cut on a code point", () => {
    const data = Buffer.from(`a${"ö".repeat(100_000)}`).toString("base64");
    const [message] = buildPrompt([user({ type: "file", data, media_type: "text/plain" })], target);
    const part = message?.role === "user" ? message.content[0] : undefined;
    const inlined = part?.type === "text" ? part.text : "";
    expect(inlined).toMatch(/^File \(text\/plain\), the first 128 KiB of 200001 bytes:\na(?:ö)+$/);
    expect(Buffer.byteLength(inlined.slice(inlined.indexOf("\n") + 1))).toBe(128 * 1024 - 1);
  });

  it("is well-formed for any history", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (history) =>
        expectWellFormed(buildPrompt(history, target)),
      ),
      { numRuns: 500 },
    );
  });

  it("is a pure function: the same history makes the same prompt, and stays as it is", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), (history) => {
        const before = structuredClone(history);
        expect(buildPrompt(history, target)).toEqual(buildPrompt(structuredClone(history), target));
        expect(history).toEqual(before);
      }),
    );
  });
});

const id = fc.constantFrom("c1", "c2", "c.3", "c:3", "", "💥");
const anyPart: fc.Arbitrary<StoredPart> = fc.oneof(
  fc.string({ maxLength: 4 }).map(text),
  fc.record({ type: fc.constant("reasoning" as const), text: fc.string({ maxLength: 3 }) }),
  fc
    .tuple(id, fc.boolean(), fc.constantFrom("{}", "5", "{", undefined))
    .map(([callId, ran, args]) => call(callId, { args_json: args, ...(ran && { provider_executed: true }) })),
  fc
    .tuple(id, fc.boolean(), fc.constantFrom("{}", '"x"', "no"))
    .map(([callId, ran, json]) =>
      result(callId, { result_json: json, ...(ran && { provider_executed: true }) }),
    ),
  fc.constant<StoredPart>({ type: "file", media_type: "image/png" }),
);
const message: fc.Arbitrary<HistoryMessage> = fc.record({
  role: fc.constantFrom("system" as const, "user" as const, "assistant" as const, "tool" as const),
  parts: fc.array(anyPart, { maxLength: 5 }),
  model: fc.constantFrom(own, foreign, undefined),
});

function expectWellFormed(prompt: LanguageModelV3Prompt): void {
  const ids = new Set<string>();
  let open: string[] = [];
  let systemOver = false;
  for (const entry of prompt) {
    expect(entry.content.length).toBeGreaterThan(0);
    if (entry.role === "system") {
      expect(systemOver).toBe(false);
      continue;
    }
    systemOver = true;
    if (entry.role === "tool") {
      expect(entry.content.map((part) => (part.type === "tool-result" ? part.toolCallId : ""))).toEqual(open);
      open = [];
      continue;
    }
    expect(open).toEqual([]);
    if (entry.role !== "assistant") continue;
    const ran: string[] = [];
    for (const part of entry.content) {
      if (part.type === "tool-call") {
        expect(part.toolCallId).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(ids).not.toContain(part.toolCallId);
        ids.add(part.toolCallId);
        (part.providerExecuted === true ? ran : open).push(part.toolCallId);
      }
      if (part.type === "tool-result") expect(ran).toContain(part.toolCallId);
    }
    expect(entry.content.filter(({ type }) => type === "tool-result")).toHaveLength(ran.length);
  }
  expect(open).toEqual([]);
  expect(prompt.some(({ role }) => role === "user")).toBe(true);
}
