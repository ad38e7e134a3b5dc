import { isJsonObject } from "./json-object.js";

/**
 * Postgres' `jsonb` refuses U+0000, and UTF-8 has no unpaired surrogates. So that any string round-trips (PART-5), strings are
 * escaped before they are stored and unescaped when they are read:
 * U+0000 → U+E000 U+E001, U+E000 → U+E000 U+E000. Unpaired surrogates become U+FFFD.
 */
export function escapeText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000\uE000]/g, (char) => (char === "\u0000" ? "\uE000\uE001" : "\uE000\uE000"));
}

/** Undoes {@link escapeText}. Any other use of U+E000 is left as it is. */
export function unescapeText(text: string): string {
  return text.replace(/\uE000([\uE000\uE001])/g, (_, second: string) =>
    second === "\uE001" ? "\u0000" : "\uE000",
  );
}

/** Applies `change` to every string in a JSON value, keys included. Number literals stay what they are. */
export function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change));
  if (isJsonObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [change(key), mapStrings(item, change)]),
    );
  }
  return value;
}
