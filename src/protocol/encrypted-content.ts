import { parseLiteral, stringifyExact } from "./exact-json.js";
import { isJsonObject } from "./json-object.js";

/**
 * A result that a provider produced, without what only the provider can read: fields whose name begins with "encrypted" hold what it wants
 * back in later prompts, such as the content of the pages that it found. Like all such things they reach no client (PART-4).
 *
 * What may hold such a field and cannot be read is not shown at all: `null`. What holds none stays as it is.
 */
export function withoutEncryptedContent(resultJson: string): string {
  // A name may be spelt with escapes.
  if (!/"encrypted|\\u/i.test(resultJson)) return resultJson;
  try {
    const result = parseLiteral(resultJson);
    const shown = prune(result);
    return shown === result && !/"encrypted/i.test(resultJson)
      ? resultJson
      : stringifyExact(shown as object | null);
  } catch {
    return "null";
  }
}

/** The same value where there is nothing to take out. */
function prune(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(prune);
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  if (!isJsonObject(value)) return value;
  const fields = Object.entries(value);
  const kept = fields.flatMap(([name, item]) =>
    /^encrypted/i.test(name) ? [] : [[name, prune(item)] as const],
  );
  const same = kept.length === fields.length && kept.every(([name, item]) => item === value[name]);
  return same ? value : Object.fromEntries(kept);
}
