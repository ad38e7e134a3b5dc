/**
 * A call's arguments as a value. Numbers that a double would change (PART-3) become what `keep` makes of their literal; without it
 * they are rounded.
 *
 * @throws SyntaxError for what is no JSON
 */
export function parseJson(json: string, keep?: (literal: string) => string): unknown {
  const value: unknown = JSON.parse(json);
  if (keep === undefined || isExactJson(json, value)) return value;
  return JSON.parse(
    json.replaceAll(tokens, (token) =>
      token.startsWith('"') || String(Number(token)) === token ? token : JSON.stringify(keep(token)),
    ),
  );
}

/** Strings, so that the numbers in them are passed over, and numbers. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;

/** Whether a JSON text that was read as `value` would be written again as it was, but for white space: every digit, all keys, in order. */
export function isExactJson(json: string, value: unknown): boolean {
  return JSON.stringify(value) === json.replaceAll(/("[^"\\]*(?:\\.[^"\\]*)*")|\s+/gs, "$1");
}
