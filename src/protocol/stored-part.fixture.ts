import fc from "fast-check";
import type { ProviderMetadata } from "./provider-metadata.js";
import type { StoredPart } from "./stored-part.js";

/** Texts of what is hard to store: U+0000, the escape character, halves of surrogate pairs, characters beyond the BMP. */
export const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      "\u0000",
      "\ue000",
      "\ue001",
      "\ud83d",
      "\ude00",
      "\u{1F600}",
      "\u{10FFFF}",
      "\uFFFE",
      "é",
      '"',
      "\\",
    ),
    fc.string({ maxLength: 3 }),
  ),
});

/** As JSON has it: no negative zero. */
const json = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)));

const metadata = fc.dictionary(
  fc.constantFrom("anthropic", "openai", "__proto__"),
  fc.dictionary(
    anyText.filter((key) => key.isWellFormed()),
    fc.oneof(anyText, json),
  ),
) as fc.Arbitrary<ProviderMetadata>;
const internal = { provider_metadata: fc.option(metadata, { nil: undefined }) };
const instant = fc.constantFrom("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456789Z", undefined);
const optional = fc.option(anyText, { nil: undefined });
const flag = fc.constantFrom(true, false, undefined);
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

/** Every kind of part that is stored, with everything that it may hold. A kind that is added has to be added here. */
export const partArbitraries: {
  readonly [Type in StoredPart["type"]]: fc.Arbitrary<Extract<StoredPart, { type: Type }>>;
} = {
  text: fc.record({ type: fc.constant("text" as const), text: anyText, ...internal }),
  reasoning: fc.record({
    type: fc.constant("reasoning" as const),
    text: anyText,
    started_at: instant,
    completed_at: instant,
    ...internal,
  }),
  "tool-call": fc.record({
    type: fc.constant("tool-call" as const),
    tool_call_id: anyText,
    tool_name: anyText,
    args_json: optional,
    provider_executed: flag,
    created_at: instant,
    ...internal,
  }),
  "tool-result": fc.record({
    type: fc.constant("tool-result" as const),
    tool_call_id: anyText,
    tool_name: anyText,
    result_json: anyText,
    is_error: flag,
    is_media: flag,
    provider_executed: flag,
    created_at: instant,
    ...internal,
  }),
  file: fc.record({
    type: fc.constant("file" as const),
    file_id: fc.option(fc.uuid(), { nil: undefined }),
    data: fc.option(fc.base64String(), { nil: undefined }),
    media_type: anyText,
    name: optional,
    ...internal,
  }),
  "file-reference": fc.record({
    type: fc.constant("file-reference" as const),
    file_name: anyText,
    start_line: int32,
    end_line: int32,
    content: anyText,
  }),
  source: fc.record({
    type: fc.constant("source" as const),
    url: anyText,
    source_id: optional,
    title: optional,
    ...internal,
  }),
};

export const anyPart: fc.Arbitrary<StoredPart> = fc.oneof(...Object.values(partArbitraries));
