import type { JSONValue, LanguageModelV3ToolResultOutput } from "@ai-sdk/provider";
import type { ToolResultPart } from "../protocol/index.js";

/** What a model is told of a call that has no result in the history. */
export const unansweredOutput: LanguageModelV3ToolResultOutput = {
  type: "error-json",
  value: { error: "This call has no result: it was interrupted before it was done." },
};

/** A stored result as the provider packages take it: JSON as it is, media as media, and text that is no JSON as text. */
export function encodeToolResult(part: ToolResultPart): LanguageModelV3ToolResultOutput {
  let value: JSONValue;
  try {
    value = JSON.parse(part.result_json) as JSONValue;
  } catch {
    return { type: part.is_error === true ? "error-text" : "text", value: part.result_json };
  }
  if (part.is_error === true) return { type: "error-json", value };
  const media = part.is_media === true ? readMedia(value) : undefined;
  return media ?? { type: "json", value };
}

/** Media results are {"data": base64, "media_type": …}, maybe with a "text" that belongs to it. */
function readMedia(value: JSONValue): LanguageModelV3ToolResultOutput | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { data, media_type: mediaType, text } = value;
  if (typeof data !== "string" || typeof mediaType !== "string") return undefined;
  return {
    type: "content",
    value: [
      ...(typeof text === "string" && text.trim() !== "" ? [{ type: "text" as const, text }] : []),
      { type: mediaType.startsWith("image/") ? "image-data" : "file-data", data, mediaType },
    ],
  };
}
