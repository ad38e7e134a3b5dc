import * as z from "zod";
import { parseLiteral, stringifyExact } from "./exact-json.js";
import { isJsonObject, type JsonObject, typeOf } from "./json-object.js";
import { fileFields, optionalFlag, optionalMetadata, optionalText } from "./legacy-fields.js";
import { MalformedContent } from "./malformed-content.js";
import type { StoredPart } from "./stored-part.js";

/**
 * Whether an element of version 0 is `{type, data}` with an object as data. No part looks like this: the `data` of a part is base64
 * text, or it has none.
 */
export function isEnvelope(element: unknown): boolean {
  return isJsonObject(element) && isJsonObject(element["data"]);
}

/** The parts in an array of envelopes. A block of a type that we do not know is an error: these writers are of the past. */
export function readEnvelope(elements: readonly JsonObject[]): StoredPart[] {
  return elements.map((element, index) => {
    const block = blocks.get(typeOf(element) ?? "");
    if (block === undefined) throw MalformedContent.element(index, "a block of unknown type");
    const part = block.safeParse(element["data"]);
    if (!part.success) throw MalformedContent.schema(index, part.error);
    return part.data;
  });
}

const internal = { provider_metadata: optionalMetadata };

const callSchema = z
  .object({
    tool_call_id: z.string(),
    tool_name: z.string(),
    input: z.unknown().optional().transform(readInput),
    provider_executed: optionalFlag,
    ...internal,
  })
  .transform(({ input, ...call }): StoredPart => ({ type: "tool-call", ...call, args_json: input }));

/** The input is JSON in a text. One that is no JSON is left out, as for a call whose model sent invalid JSON. */
function readInput(input: unknown): string | undefined {
  if (input === undefined || input === null) return undefined;
  if (typeof input !== "string") return stringifyExact(input);
  try {
    return stringifyExact(parseLiteral(input) as object);
  } catch {
    return undefined;
  }
}

const resultSchema = z
  .object({
    tool_call_id: z.string(),
    tool_name: z.string(),
    result: optionalOutput(),
    provider_executed: optionalFlag,
    ...internal,
  })
  .transform(({ result, ...rest }): StoredPart => ({ type: "tool-result", ...rest, ...result }));

type Output = Pick<Extract<StoredPart, { type: "tool-result" }>, "result_json" | "is_error" | "is_media">;

/** What a tool returned, in the form that our own results have: JSON as it is, other text as `{"output"}`, an error as `{"error"}`. */
function optionalOutput() {
  return z
    .discriminatedUnion("type", [
      z.object({ type: z.literal("text"), data: z.object({ text: z.string() }) }).transform(
        ({ data: { text } }): Output => ({
          result_json: isJson(text) ? text : stringifyExact({ output: text }),
        }),
      ),
      z
        .object({ type: z.literal("error"), data: z.object({ error: z.string() }) })
        .transform(
          ({ data: { error } }): Output => ({ result_json: stringifyExact({ error }), is_error: true }),
        ),
      z
        .object({
          type: z.literal("media"),
          data: z.object({ data: z.string(), media_type: z.string(), text: optionalText }),
        })
        .transform(
          ({ data: { data, media_type, text } }): Output => ({
            result_json: stringifyExact({ data, media_type, text }),
            is_media: true,
          }),
        ),
    ])
    .nullish()
    .transform((output): Output => output ?? { result_json: "null" });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What an envelope may hold, by the type of the block, and the part that it becomes. */
const blocks: ReadonlyMap<string, z.ZodType<StoredPart>> = new Map<string, z.ZodType<StoredPart>>([
  ["text", z.object({ text: z.string(), ...internal }).transform((text) => ({ type: "text", ...text }))],
  [
    "reasoning",
    z
      .object({ text: z.string(), ...internal })
      .transform((reasoning) => ({ type: "reasoning", ...reasoning })),
  ],
  ["file", fileFields.transform((file) => ({ type: "file", ...file }))],
  [
    "source",
    z
      .object({ id: optionalText, url: optionalText, title: optionalText, ...internal })
      .transform(({ id, url = "", ...source }) => ({ type: "source", url, source_id: id, ...source })),
  ],
  ["tool-call", callSchema],
  ["tool-result", resultSchema],
]);
