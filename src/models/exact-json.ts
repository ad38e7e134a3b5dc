/**
 * A call's arguments as a value. Numbers that a double would change (PART-3) become what `keep` makes of their literal; without it
 * they are rounded.
 *
 * @throws SyntaxError for what is no JSON, RangeError for what is nested so deeply that it could not be written again
 */
export function parseJson(json: string, keep?: (literal: string) => string): unknown {
  const value: unknown = JSON.parse(json);
  const compact = withoutSpaces(json);
  if (keep === undefined || JSON.stringify(value) === compact) return value;
  const marked = mapBetweenStrings(json, (between) =>
    between.replaceAll(numbers, (literal) =>
      String(Number(literal)) === literal ? literal : JSON.stringify(keep(literal)),
    ),
  );
  return JSON.parse(marked);
}

const numbers = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Whether a JSON text that was read as `value` would be written again as it was, but for white space: every digit, all keys, in order. */
export function isExactJson(json: string, value: unknown): boolean {
  try {
    const compact = withoutSpaces(json);
    return JSON.stringify(value) === compact;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function withoutSpaces(json: string): string {
  return mapBetweenStrings(json, (between) => between.replaceAll(/\s+/g, ""));
}

/** Writing a value takes stack for every level, also in the packages of the providers. */
const maxDepth = 500;

/** Changes what stands between the strings of a JSON text. By hand: for one long string a regular expression could run out of stack. */
function mapBetweenStrings(json: string, change: (between: string) => string): string {
  let changed = "";
  let depth = 0;
  for (let at = 0; at < json.length; ) {
    const quote = json.indexOf('"', at);
    const between = json.slice(at, quote === -1 ? json.length : quote);
    for (const char of between) {
      if (char === "[" || char === "{") depth += 1;
      if (char === "]" || char === "}") depth -= 1;
      if (depth > maxDepth) throw new RangeError(`nested more than ${String(maxDepth)} levels deep`);
    }
    changed += change(between);
    if (quote === -1) break;
    const next = afterString(json, quote);
    changed += json.slice(quote, next);
    at = next;
  }
  return changed;
}

/** The place after the string that begins at `start`. */
function afterString(json: string, start: number): number {
  for (let at = json.indexOf('"', start + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (json[at - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return at + 1;
  }
  return json.length;
}
