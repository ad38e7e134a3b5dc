import { describe, expect, it } from "vitest";
import { buildPrompt } from "../../src/models/build-prompt.js";
import type { HistoryMessage } from "../../src/models/model.js";
import { providerOf } from "../../src/models/provider-name.js";
import { decodeContent, type StoredPart } from "../../src/protocol/index.js";
import { type ContentVector, contentVectors } from "../../conformance/vectors/content-vectors.js";

const question: HistoryMessage = { role: "user", parts: [{ type: "text", text: "hi" }] };

/** The calls that results answer, so that they have a place in a prompt. */
function callsFor(parts: readonly StoredPart[], model: string): HistoryMessage {
  const calls = parts.flatMap((part): StoredPart[] =>
    part.type === "tool-result" && part.provider_executed !== true
      ? [{ type: "tool-call", tool_call_id: part.tool_call_id, tool_name: part.tool_name, args_json: "{}" }]
      : [],
  );
  return { role: "assistant", parts: calls, model };
}

/** What a provider is given for one row: the content of the message that it becomes. */
function promptOf({
  role,
  raw,
  content_version: version,
  model = "anthropic/claude",
}: ContentVector): unknown {
  const decoded = decodeContent(raw, version, role);
  if (!decoded.ok) return { error: "config" };
  const row = { role: role as HistoryMessage["role"], parts: decoded.parts, model };
  const before = row.role === "tool" ? [question, callsFor(row.parts, model)] : [question];
  const history = row.role === "user" ? [row] : [...before, row];
  const target = { provider: providerOf(model), markNumber: (literal: string) => `number:${literal}` };
  const message = buildPrompt(history, target).find((entry) => entry.role === role);
  const content =
    typeof message?.content === "string" ? [{ type: "text", text: message.content }] : message?.content;
  // As JSON: what is undefined is not sent.
  return JSON.parse(JSON.stringify(content ?? []));
}

describe("what the model sees of stored content", () => {
  it.each(contentVectors.map((vector) => [vector.id, vector] as const))("%s", (_id, vector) => {
    expect(promptOf(vector)).toEqual(vector.prompt);
  });
});
