import { expect, it } from "vitest";
import { partToProto } from "./to-proto.js";

const shown = (result_json: string, provider_executed: boolean): string | undefined => {
  const { kind } = partToProto({
    type: "tool-result",
    tool_call_id: "c",
    tool_name: "web_search",
    result_json,
    ...(provider_executed && { provider_executed }),
  });
  return kind.case === "toolResult" ? kind.value.resultJson : undefined;
};

it.each([
  [
    '[{"url":"u","encryptedContent":"e"},{"encrypted_content":"e","title":null}]',
    '[{"url":"u"},{"title":null}]',
  ],
  ['{"content":{"encryptedStdout":"e"},"n":1}', '{"content":{},"n":1}'],
  ['{"said":"\\"encryptedContent\\""}', '{"said":"\\"encryptedContent\\""}'],
  ['{ "id": 12345678901234567890 }', '{ "id": 12345678901234567890 }'],
  ['[{"id":12345678901234567890,"n":1.0,"encryptedContent":"e"}]', '[{"id":12345678901234567890,"n":1.0}]'],
  ['{"__proto__":{"encrypted":"e","b":2}}', '{"__proto__":{"b":2}}'],
  [String.raw`[{"\u0065ncryptedContent":"e"}]`, "[{}]"],
  [String.raw`{ "said": "\u00e9" }`, String.raw`{ "said": "\u00e9" }`],
  ['{"a":{"encryptedContent":"e"},"a":1}', '{"a":1}'],
  ['{"encryptedContent":"e"', "null"],
  [`{"encryptedContent":"e","deep":${"[".repeat(20_000)}${"]".repeat(20_000)}}`, "null"],
])("of the provider's result %s clients see %s (PART-4)", (stored, seen) => {
  expect(shown(stored, true)).toBe(seen);
});

it("the results of our tools are shown as they are, whatever their fields are called", () => {
  expect(shown('{"encryptedContent":"mine"}', false)).toBe('{"encryptedContent":"mine"}');
});
