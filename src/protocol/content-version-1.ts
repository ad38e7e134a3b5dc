import * as z from "zod";
import { expectObjects, type JsonObject, typeOf } from "./json-object.js";
import {
  fileFields,
  jsonText,
  lineNumber,
  optionalFlag,
  optionalInstant,
  optionalJsonText,
  optionalMetadata,
  optionalText,
} from "./legacy-fields.js";
import { MalformedContent } from "./malformed-content.js";
import { isKnownPartType, type StoredPart } from "./stored-part.js";

/** Content of version 1: an array of flat parts. Their arguments and results are JSON values. */
export function readVersion1(content: unknown): StoredPart[] {
  return readFlatParts(expectObjects(content));
}

/** Parts of a type that we do not know are passed over. What a part holds beyond its own fields is ignored. */
export function readFlatParts(elements: readonly JsonObject[]): StoredPart[] {
  return elements.flatMap((element, index): StoredPart[] => {
    const type = typeOf(element);
    if (type === undefined) throw MalformedContent.element(index, "it has no type");
    if (!isKnownPartType(type)) return [];
    const fields = flatParts[type].safeParse(element);
    if (!fields.success) throw MalformedContent.schema(index, fields.error);
    // The table has each type's fields in its own row.
    return [{ type, ...fields.data } as StoredPart];
  });
}

const internal = { provider_metadata: optionalMetadata };

const flatParts: {
  readonly [Type in StoredPart["type"]]: z.ZodType<Omit<Extract<StoredPart, { type: Type }>, "type">>;
} = {
  text: z.object({ text: z.string(), ...internal }),
  reasoning: z.object({
    text: z.string(),
    started_at: optionalInstant,
    completed_at: optionalInstant,
    ...internal,
  }),
  "tool-call": z
    .object({
      tool_call_id: z.string(),
      tool_name: z.string(),
      args: optionalJsonText,
      provider_executed: optionalFlag,
      created_at: optionalInstant,
      ...internal,
    })
    .transform(({ args, ...call }) => ({ ...call, args_json: args })),
  "tool-result": z
    .object({
      tool_call_id: z.string(),
      tool_name: z.string(),
      result: jsonText,
      is_error: optionalFlag,
      is_media: optionalFlag,
      provider_executed: optionalFlag,
      created_at: optionalInstant,
      ...internal,
    })
    .transform(({ result, ...rest }) => ({ ...rest, result_json: result })),
  file: fileFields,
  "file-reference": z.object({
    file_name: z.string(),
    start_line: lineNumber,
    end_line: lineNumber,
    content: z.string(),
  }),
  source: z.object({ url: z.string(), source_id: optionalText, title: optionalText, ...internal }),
};
