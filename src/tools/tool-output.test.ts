import fc from "fast-check";
import { expect, test } from "vitest";
import { cutText, encodeToolOutput } from "./tool-output.js";

const cycle: Record<string, unknown> = {};
cycle["self"] = cycle;

test.each([
  ['{"b": 1,  "a": 12345678901234567890}', '{"b": 1,  "a": 12345678901234567890}'],
  ["null", "null"],
  ["hello", '{"output":"hello"}'],
  ["", '{"output":""}'],
  [{ a: [1] }, '{"a":[1]}'],
  [42, "42"],
  [undefined, '{"output":""}'],
  ["a\ud800b", '{"output":"a\ufffdb"}'],
])("%j is written as %s", (value, resultJson) => {
  expect(encodeToolOutput(value)).toEqual({ resultJson, isError: false });
});

test("an error says what happened and is one", () => {
  expect(encodeToolOutput(new Error("no such file"))).toEqual({
    resultJson: '{"error":"no such file"}',
    isError: true,
  });
});

test("what JSON has no words for is an error", () => {
  for (const value of [cycle, 1n]) {
    expect(encodeToolOutput(value)).toEqual({
      resultJson: '{"error":"The tool\'s result cannot be written as JSON."}',
      isError: true,
    });
  }
});

test("32 KiB are kept, and one byte more is cut and said so", () => {
  const fits = "x".repeat(32 * 1024);
  expect(JSON.parse(encodeToolOutput(fits).resultJson)).toEqual({ output: fits });
  expect(JSON.parse(encodeToolOutput(`${fits}y`).resultJson)).toEqual({
    output: fits,
    truncated: true,
    original_bytes: 32 * 1024 + 1,
  });
});

test("JSON that is cut becomes text inside valid JSON", () => {
  const value = { list: Array.from({ length: 20_000 }, (_, index) => index) };
  const result = JSON.parse(encodeToolOutput(value).resultJson) as {
    output: string;
    truncated: boolean;
    original_bytes: number;
  };
  expect(result.truncated).toBe(true);
  expect(result.original_bytes).toBe(JSON.stringify(value).length);
  expect(JSON.stringify(value).startsWith(result.output)).toBe(true);
});

test("a long error stays an error", () => {
  const { resultJson, isError } = encodeToolOutput(new Error("x".repeat(40_000)));
  expect(isError).toBe(true);
  expect(JSON.parse(resultJson)).toMatchObject({ truncated: true, original_bytes: 40_000 });
});

test("a cut ends between code points and loses no more than it must", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat(40), (text, maxBytes) => {
      const cut = cutText(text, maxBytes);
      const next = String.fromCodePoint(text.codePointAt(cut.length) ?? 0);
      expect(text.startsWith(cut)).toBe(true);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(maxBytes);
      expect(cut === text || Buffer.byteLength(cut + next) > maxBytes).toBe(true);
    }),
  );
});
