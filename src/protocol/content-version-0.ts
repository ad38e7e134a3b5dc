import * as z from "zod";
import { readFlatParts } from "./content-version-1.js";
import { isEnvelope, readEnvelope } from "./envelope.js";
import { expectObjects, type JsonObject, typeOf } from "./json-object.js";
import { jsonText, optionalFlag, optionalMetadata, optionalText } from "./legacy-fields.js";
import { MalformedContent } from "./malformed-content.js";
import type { Role, StoredPart, ToolResultPart } from "./stored-part.js";

/**
 * Content of version 0, whose shape depends on the role. The shape is decided once, by what only one of them can look like; a row
 * that then cannot be read is never tried as another one, which would silently lose what is in it.
 */
export function readVersion0(content: unknown, role: Role): StoredPart[] {
  switch (role) {
    case "system":
      return readText(content);
    case "user":
      return typeof content === "string" ? readText(content) : readUserParts(expectObjects(content));
    case "assistant":
      return readParts(expectObjects(content));
    case "tool":
      return readToolRow(expectObjects(content));
    default:
      return role satisfies never;
  }
}

function readText(content: unknown): StoredPart[] {
  if (typeof content !== "string") throw new MalformedContent("a text is expected");
  return content.trim() === "" ? [] : [{ type: "text", text: content }];
}

/** Elements of which none has a type are no parts, and no error either. */
function readUserParts(elements: readonly JsonObject[]): StoredPart[] {
  if (!isEnvelope(elements[0]) && !elements.some(typeOf)) return [];
  return readParts(elements);
}

function readParts(elements: readonly JsonObject[]): StoredPart[] {
  const enveloped = isEnvelope(elements[0]);
  const other = elements.findIndex((element) => isEnvelope(element) !== enveloped);
  if (other !== -1) {
    throw MalformedContent.element(other, `it ${enveloped ? "has no" : "has an"} envelope, unlike element 0`);
  }
  return enveloped ? readEnvelope(elements) : readFlatParts(elements);
}

/** Parts if there is a result among them; otherwise the fields of one result in each element. */
function readToolRow(elements: readonly JsonObject[]): StoredPart[] {
  if (elements.some((element) => typeOf(element) === "tool-result")) {
    const enveloped = elements.findIndex(isEnvelope);
    if (enveloped !== -1) throw MalformedContent.element(enveloped, "a tool's row has no envelopes");
    return readFlatParts(elements);
  }
  return elements.map(readBareRow);
}

function readBareRow(element: JsonObject, index: number): ToolResultPart {
  if (typeOf(element) !== undefined)
    throw MalformedContent.element(index, "it is neither a result nor a bare row");
  const row = bareRowSchema.safeParse(element);
  if (!row.success) throw MalformedContent.schema(index, row.error);
  return row.data;
}

/** Every field may be missing. */
const bareRowSchema = z
  .object({
    tool_call_id: optionalText,
    tool_name: optionalText,
    result: jsonText,
    is_error: optionalFlag,
    is_media: optionalFlag,
    provider_executed: optionalFlag,
    provider_metadata: optionalMetadata,
  })
  .transform(({ tool_call_id = "", tool_name = "", result, ...rest }): ToolResultPart => {
    return { type: "tool-result", tool_call_id, tool_name, result_json: result, ...rest };
  });
