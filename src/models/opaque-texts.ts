import type { HistoryMessage } from "./model.js";

/** Shorter texts are words that also stand elsewhere. */
const minLength = 16;

/**
 * What providers alone can read in a history: signatures, encrypted contents, ids. Clients do not see them (PART-4), also not in the words
 * of a provider that quotes what it did not like.
 */
export function opaqueTexts(history: readonly HistoryMessage[]): string[] {
  const texts = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value === "string") {
      if (value.length >= minLength && !/\s/.test(value)) texts.add(value);
    } else if (typeof value === "object" && value !== null) {
      for (const item of Object.values(value)) collect(item);
    }
  };
  for (const part of history.flatMap(({ parts }) => parts)) {
    if ("provider_metadata" in part) collect(part.provider_metadata);
    if (part.type === "tool-result") collect(encryptedFields(part.result_json));
  }
  return [...texts];
}

function encryptedFields(resultJson: string): unknown[] {
  const found: unknown[] = [];
  if (!/encrypted/i.test(resultJson)) return found;
  try {
    JSON.parse(resultJson, (key, value: unknown) => {
      if (/^encrypted/i.test(key)) found.push(value);
      return value;
    });
  } catch {
    // No provider was sent this as something of its own.
  }
  return found;
}
