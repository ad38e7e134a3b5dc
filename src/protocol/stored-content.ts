import * as z from "zod";
import { escapeText, mapStrings, unescapeText } from "./jsonb-text.js";
import { type StoredPart, storedPartSchema } from "./stored-part.js";

/** The content version that this program writes. */
export const contentVersion = 2;

export type DecodedContent =
  | { readonly ok: true; readonly parts: readonly StoredPart[] }
  | { readonly ok: false; readonly error: "malformed_content" | "unsupported_version" };

/** The text of the `content` column for these parts. */
export function encodeContent(parts: readonly StoredPart[]): string {
  return JSON.stringify(mapStrings(parts, escapeText));
}

/**
 * Reads the text of a `content` column. A row that cannot be read is reported, never thrown: one bad row must not make a chat unreadable.
 * Parts of a type that we do not know are left out; the rest of the message is served.
 */
export function decodeContent(content: string | null, version: number): DecodedContent {
  if (version !== contentVersion) return { ok: false, error: "unsupported_version" };
  if (content === null) return { ok: true, parts: [] };
  const items = z.array(z.looseObject({ type: z.string() })).safeParse(JSON.parse(content));
  if (!items.success) return { ok: false, error: "malformed_content" };
  const parts: StoredPart[] = [];
  for (const item of items.data) {
    if (!knownTypes.has(item.type)) continue;
    const part = storedPartSchema.safeParse(mapStrings(item, unescapeText));
    if (!part.success) return { ok: false, error: "malformed_content" };
    parts.push(part.data);
  }
  return { ok: true, parts };
}

const knownTypes: ReadonlySet<string> = new Set(
  storedPartSchema.options.map((option) => option.shape.type.value),
);
