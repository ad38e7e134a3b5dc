import { expect, it } from "vitest";
import { opaqueTexts } from "./opaque-texts.js";

it("what only a provider can read is found wherever a history holds it, and nothing else is", () => {
  const signature = "signature-0123456789";
  const nested = "nested-0123456789abcdef";
  const content = "content-0123456789abcdef";
  const result = {
    type: "tool-result",
    tool_call_id: "call-0123456789abcdef",
    tool_name: "web_search",
    provider_executed: true,
  } as const;
  const found = opaqueTexts([
    { role: "user", parts: [{ type: "text", text: "a-text-0123456789abcdef" }] },
    {
      role: "assistant",
      parts: [
        {
          type: "reasoning",
          text: "",
          provider_metadata: { one: { signature, short: "short", words: "several words with spaces" } },
        },
        { type: "text", text: "x", provider_metadata: { two: { deep: [{ nested }, null, 7], signature } } },
        { ...result, result_json: JSON.stringify([{ url: "u", encryptedContent: content }]) },
        { ...result, result_json: '{"encryptedContent":"broken-0123456789' },
        { ...result, result_json: '{"url":"https://example.com/0123456789"}' },
      ],
    },
  ]);
  expect(found).toEqual([signature, nested, content]);
});
