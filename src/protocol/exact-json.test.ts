import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NumberLiteral, parseExact, parseLiteral, stringifyExact } from "./exact-json.js";

const isReadable = (parse: (text: string) => unknown, text: string): boolean => {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
};
const rewritten = (text: string): string => stringifyExact(parseLiteral(text) as object);

describe("JSON with exact numbers", () => {
  it.each(["9007199254740993", "-0", "1.10", "1e2", "1E+400", "0.1e-400", "123456789.12345678901234567890"])(
    "keeps the literal %s",
    (literal) => {
      expect(rewritten(`{"a":[${literal},"x"]}`)).toBe(`{"a":[${literal},"x"]}`);
    },
  );

  it.each(["9007199254740993", "-12345678901234567891", "1e400", "1e-400", "0.12345678901234567890"])(
    "reads %s as a literal, since a double would change it",
    (literal) => {
      expect(parseExact(`[${literal}, 7]`)).toEqual([new NumberLiteral(literal), 7]);
    },
  );

  it.each(["9007199254740991", "9007199254740992", "-1.50", "0", "1e5", "0.1", "123456789.125"])(
    "reads %s as a number",
    (literal) => {
      expect(parseExact(`[${literal}, 12345678901234567890]`)).toEqual([
        Number(literal),
        new NumberLiteral("12345678901234567890"),
      ]);
    },
  );

  it("is written as the nearest double by those that do not know literals", () => {
    expect(JSON.stringify(parseLiteral('{"a":12345678901234567890,"b":1.50}'))).toBe(
      '{"a":12345678901234567000,"b":1.5}',
    );
  });

  it("reads what JSON.parse reads, as the same", () => {
    fc.assert(
      fc.property(fc.json({ depthSize: "medium" }), (json) => {
        expect(parseExact(json)).toEqual(JSON.parse(json));
        expect(JSON.parse(rewritten(json))).toEqual(JSON.parse(json));
        // One number that no double holds, and all of it goes the other way.
        expect(parseExact(`[${json},1e999]`)).toEqual([JSON.parse(json), new NumberLiteral("1e999")]);
      }),
    );
  });

  it("refuses what JSON.parse refuses", () => {
    const broken = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom("", '"', "\\", "]", "{", ",", "1", "\u0001", "u"))
      .map(
        ([json, at, cut]) =>
          json.slice(0, at % (json.length + 1)) + cut + json.slice((at % (json.length + 1)) + 1),
      );
    fc.assert(
      fc.property(broken, (text) => {
        const readable = isReadable(JSON.parse, text);
        expect(isReadable(parseLiteral, text)).toBe(readable);
        expect(isReadable(parseExact, text)).toBe(readable);
      }),
      { numRuns: 2_000 },
    );
  });

  it("counts the last of two equal keys, and keeps keys that are names in JavaScript", () => {
    expect(rewritten('{"a":1,"b":2,"a":3}')).toBe('{"a":3,"b":2}');
    const hostile = '{"__proto__":{"x":1},"constructor":2,"toString":3}';
    expect(rewritten(hostile)).toBe(hostile);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it.each([parseLiteral, parseExact])(
    "refuses what is nested too deeply, before it could run out of stack",
    (parse) => {
      const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
      expect(isReadable(parse, nested(500))).toBe(true);
      expect(() => parse(nested(501))).toThrow(RangeError);
      expect(() => parse(nested(1_000_000))).toThrow(RangeError);
      expect(() => parse('{"a":'.repeat(100_000))).toThrow(RangeError);
    },
  );

  it("does not mistake what is in a string for nesting or a number", () => {
    const texts = ["[".repeat(1_000), '\\"[{'.repeat(600), "12345678901234567890", "\\\\", '\\\\\\"['];
    for (const text of texts) expect(parseExact(JSON.stringify([text]))).toEqual([text]);
  });
});
