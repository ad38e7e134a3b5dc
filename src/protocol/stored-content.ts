import { readVersion0 } from "./content-version-0.js";
import { readVersion1 } from "./content-version-1.js";
import { readVersion2 } from "./content-version-2.js";
import { parseExact, parseLiteral, stringifyExact } from "./exact-json.js";
import { escapeText, mapStrings, unescapeText } from "./jsonb-text.js";
import { MalformedContent } from "./malformed-content.js";
import { isRole, type Role, type StoredPart } from "./stored-part.js";

/** The content version that this program writes. */
export const contentVersion = 2;

export type DecodedContent =
  | { readonly ok: true; readonly parts: readonly StoredPart[] }
  | {
      readonly ok: false;
      readonly error: "malformed_content" | "unsupported_version" | "unsupported_role";
      /** For people: what cannot be read, and at which index. Holds nothing of the content. */
      readonly message: string;
    };

/** The text of the `content` column for these parts. */
export function encodeContent(parts: readonly StoredPart[]): string {
  return stringifyExact(mapStrings(parts, escapeText) as object);
}

interface ContentReader {
  readonly parse: (text: string) => unknown;
  /** What is done to every string, keys included. */
  readonly text: (text: string) => string;
  readonly read: (content: unknown, role: Role) => StoredPart[];
}

const wellFormed = (text: string): string => text.toWellFormed();
const unescaped = (text: string): string => unescapeText(text).toWellFormed();

const readers: ReadonlyMap<number, ContentReader> = new Map([
  [0, { parse: parseLiteral, text: wellFormed, read: readVersion0 }],
  [1, { parse: parseLiteral, text: unescaped, read: readVersion1 }],
  [contentVersion, { parse: parseExact, text: unescaped, read: readVersion2 }],
]);

/**
 * Reads the text of a `content` column, of any version. A row that cannot be read is reported, never thrown: one bad row must not make
 * a chat unreadable. Parts of a type that we do not know are left out; the rest of the message is served.
 */
export function decodeContent(content: string | null, version: number, role: string): DecodedContent {
  const reader = readers.get(version);
  if (reader === undefined) {
    return {
      ok: false,
      error: "unsupported_version",
      message: `content of version ${version}, which this program does not know`,
    };
  }
  if (!isRole(role)) {
    return { ok: false, error: "unsupported_role", message: "a role that this program does not know" };
  }
  if (content === null) return { ok: true, parts: [] };
  try {
    const value = parse(content, reader);
    return { ok: true, parts: value === null ? [] : reader.read(mapStrings(value, reader.text), role) };
  } catch (error) {
    if (!(error instanceof MalformedContent)) throw error;
    const message = `${role} content of version ${version}: ${error.message}`;
    return { ok: false, error: "malformed_content", message };
  }
}

function parse(content: string, { parse }: ContentReader): unknown {
  try {
    return parse(content);
  } catch (error) {
    // A parser's own message would quote the content.
    throw new MalformedContent(error instanceof RangeError ? error.message : "no valid JSON", {
      cause: error,
    });
  }
}
