/** How deeply arrays and objects may be nested: far below what either engine's parser, and every reader, has a stack for. */
const maxDepth = 1_000;
/** A longer number, or one with a larger exponent, may be beyond what Postgres' `numeric` holds (PostgreSQL manual, 8.1.2). */
const maxNumberChars = 15_000;
const maxExponent = 1_000;
/** Of one value as `jsonb` gives it back. That writes numbers out: a few bytes of `1e1000` become a thousand digits. */
const maxBytes = 16 * 1024 * 1024;

/**
 * Why `jsonb` would refuse a text, or would give back more than we want to read; undefined when it takes it. JSON knows strings and
 * numbers that `jsonb` does not: U+0000, halves of surrogate pairs, and numbers of any size.
 *
 * A hint for people, and the reason to refuse a row before a transaction begins. Only the database decides.
 */
export function jsonbFault(text: string): string | undefined {
  if (Buffer.byteLength(text) > maxBytes) return tooLarge;
  try {
    JSON.parse(text);
  } catch {
    return "is not JSON";
  }
  let writtenOut = text.length;
  let depth = 0;
  for (let at = 0; at < text.length; ) {
    const char = text[at] ?? "";
    if (char === '"') {
      const string = scanString(text, at);
      if (string.fault !== undefined) return string.fault;
      at = string.end;
    } else if (isNumberStart(char)) {
      const end = numberEnd(text, at);
      const exponent = Math.abs(exponentOf(text.slice(at, end)));
      if (end - at > maxNumberChars || exponent > maxExponent) return "holds a number that is out of range";
      writtenOut += exponent;
      if (writtenOut > maxBytes) return tooLarge;
      at = end;
    } else {
      if (char === "[" || char === "{") depth += 1;
      if (char === "]" || char === "}") depth -= 1;
      if (depth > maxDepth) return `is nested more than ${maxDepth} levels deep`;
      at += 1;
    }
  }
  return undefined;
}

const tooLarge = `has more than ${maxBytes} bytes with its numbers written out`;

/** The place after a string that begins at `start`, or what is wrong with it. The text is JSON, so the string ends. */
function scanString(text: string, start: number): { end: number; fault?: string } {
  let at = start + 1;
  let highBefore = false;
  for (;;) {
    const char = text[at];
    const unit = char === "\\" && text[at + 1] === "u" ? parseInt(text.slice(at + 2, at + 6), 16) : undefined;
    const isLow = unit !== undefined && unit >= 0xdc00 && unit <= 0xdfff;
    if (highBefore !== isLow) return { end: at, fault: 'holds half of a surrogate pair, such as "\\ud800"' };
    if (unit === 0) return { end: at, fault: 'holds the character U+0000, "\\u0000"' };
    highBefore = unit !== undefined && unit >= 0xd800 && unit <= 0xdbff;
    if (char === '"') return { end: at + 1 };
    at += unit !== undefined ? 6 : char === "\\" ? 2 : 1;
  }
}

function isNumberStart(char: string): boolean {
  return char === "-" || (char >= "0" && char <= "9");
}

function numberEnd(text: string, start: number): number {
  const number = /[-+.\deE]+/y;
  number.lastIndex = start;
  return start + (number.exec(text)?.[0].length ?? 1);
}

function exponentOf(number: string): number {
  const mark = number.search(/[eE]/);
  return mark === -1 ? 0 : Number(number.slice(mark + 1));
}
