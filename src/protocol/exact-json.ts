import { compareNumber, parse, stringify } from "lossless-json";

/**
 * A number of a JSON text, by its literal: integers above 2^53 and everything else that a double would change survive. Whoever writes
 * JSON with `JSON.stringify` gets the nearest double; {@link stringifyExact} writes the literal.
 */
export class NumberLiteral {
  readonly literal: string;

  constructor(literal: string) {
    this.literal = literal;
  }

  toJSON(): number {
    return Number(this.literal);
  }
}

/** Deeper than anything that means something, and shallow enough to walk with plain recursion. */
const maxDepth = 500;

/**
 * Parses JSON with every number as a {@link NumberLiteral}. Of a key that occurs twice the last value counts, as in `jsonb`.
 *
 * @throws Error for what is no JSON or is nested too deeply
 */
export function parseLiteral(text: string): unknown {
  scan(text);
  return parseWith(text, (literal) => new NumberLiteral(literal));
}

/** The same with numbers as numbers, but for those that a double would change. Where there are none, as fast as `JSON.parse`. */
export function parseExact(text: string): unknown {
  if (!scan(text).exact) return parseWith(text, exactNumber);
  return JSON.parse(text);
}

function parseWith(text: string, parseNumber: (literal: string) => unknown): unknown {
  return parse(text, undefined, { parseNumber, onDuplicateKey: ({ newValue }) => newValue });
}

/** A literal as a number where nothing is lost by it. */
export function exactNumber(literal: string): number | NumberLiteral {
  return isExact(literal) ? Number(literal) : new NumberLiteral(literal);
}

/** Whether a double has the same value: up to 15 digits always do, but for large exponents. */
function isExact(literal: string): boolean {
  if (literal.length <= 15 && !/e/i.test(literal)) return true;
  const number = Number(literal);
  if (!Number.isFinite(number)) return false;
  return compareNumber(literal, String(number)) === 0;
}

/** Compact JSON text. Number literals are written as they were read; what is undefined is left out, as `JSON.stringify` does. */
export function stringifyExact(value: object | string | number | boolean | null): string {
  return stringify(value, undefined, undefined, literalStringifiers) ?? "null";
}

const literalStringifiers = [
  {
    test: (value: unknown): boolean => value instanceof NumberLiteral,
    stringify: (value: unknown): string => (value as NumberLiteral).literal,
  },
];

/**
 * Looks at what stands outside of strings, before parsing: parsing is what could run out of stack. `exact` tells whether doubles can hold
 * all numbers.
 */
function scan(text: string): { readonly exact: boolean } {
  let depth = 0;
  let exact = true;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '"') {
      at = closingQuote(text, at);
    } else if (char === "[" || char === "{") {
      depth += 1;
      if (depth > maxDepth) throw new RangeError(`nested more than ${maxDepth} levels deep`);
    } else if (char === "]" || char === "}") {
      depth -= 1;
    } else if (char >= "0" && char <= "9") {
      const literal = numberAt(text, at);
      exact &&= isExact(literal);
      at += literal.length - 1;
    }
  }
  return { exact };
}

function numberAt(text: string, start: number): string {
  const number = /[\d.eE+-]+/y;
  number.lastIndex = start;
  return number.exec(text)?.[0] ?? "";
}

/** Where the string that begins at `start` ends; the end of the text for one that does not. */
function closingQuote(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text[at - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return text.length;
}
