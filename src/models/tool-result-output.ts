import type { JSONValue, LanguageModelV3ToolResultOutput } from "@ai-sdk/provider";
import type { ToolResultPart } from "../protocol/index.js";
import { isExactJson } from "./exact-json.js";

/** What a model is told of a call that has no result in the history. */
export const unansweredOutput: LanguageModelV3ToolResultOutput = {
  type: "error-json",
  value: { error: "This call has no result: it was interrupted before it was done." },
};

/**
 * A stored result as the provider packages take it: JSON as it is, media as media where the provider takes it (`mediaTypes`), and as text
 * what is no JSON, or what would not come out of reading and writing as it was: numbers keep their digits (PART-3).
 */
export function encodeToolResult(
  part: ToolResultPart,
  mediaTypes: ReadonlySet<string>,
): LanguageModelV3ToolResultOutput {
  const json = part.result_json;
  const isError = part.is_error === true;
  let value: JSONValue;
  try {
    value = JSON.parse(json) as JSONValue;
  } catch {
    return { type: isError ? "error-text" : "text", value: json.toWellFormed() };
  }
  if (!isError && part.is_media === true) {
    const media = readMedia(value, mediaTypes);
    if (media !== undefined) return media;
  }
  if (isExactJson(json, value)) return { type: isError ? "error-json" : "json", value };
  return { type: isError ? "error-text" : "text", value: json };
}

/** What the provider ran has its own form of result, which its package takes as a value. */
export function encodeProviderResult(part: ToolResultPart): LanguageModelV3ToolResultOutput {
  const value = JSON.parse(part.result_json) as JSONValue;
  return { type: part.is_error === true ? "error-json" : "json", value };
}

/** Media results are {"data": base64, "media_type": …}, maybe with a "text" that belongs to it. */
function readMedia(
  value: JSONValue,
  mediaTypes: ReadonlySet<string>,
): LanguageModelV3ToolResultOutput | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { data, media_type: mediaType, text } = value;
  if (typeof data !== "string" || typeof mediaType !== "string") return undefined;
  const words = typeof text === "string" && text.trim() !== "" ? text : undefined;
  if (!mediaTypes.has(mediaType)) {
    const note = `[A result of type ${mediaType}, which cannot be shown to this model]`;
    return { type: "text", value: words === undefined ? note : `${words}\n${note}` };
  }
  return {
    type: "content",
    value: [
      // Always with words: for some models a result consists of its text, and media stand beside it.
      { type: "text", text: words ?? `A result of type ${mediaType}:` },
      { type: mediaType.startsWith("image/") ? "image-data" : "file-data", data, mediaType },
    ],
  };
}
