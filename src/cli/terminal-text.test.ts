import { expect, test } from "vitest";
import { cutToWidth, padToWidth, safeLine, safeText, textWidth } from "./terminal-text.js";

test("nothing that a terminal obeys gets through", () => {
  expect(safeText("a\u001b[31mred\u001b[0m\u0007\u009b2Jb\r\u0000")).toBe("a[31mred[0m2Jb");
  expect(safeText("exe\u202egpj.txt\u2066x")).toBe("exegpj.txtx");
  expect(safeText("two\nlines\tand ünïcode 👩‍👩‍👧 \u200d")).toBe("two\nlines\tand ünïcode 👩‍👩‍👧 \u200d");
});

test("a line stays one line", () => {
  expect(safeLine(" a\n\tb\r\nc\u001b]0;title\u0007 ")).toBe("a b c]0;title");
});

test.each([
  ["abc", 3],
  ["e\u0301", 1],
  ["日本", 4],
  ["👩‍👩‍👧", 2],
  ["✈️", 2],
  ["a\u200bb", 2],
  ["", 0],
])("%j takes %d columns", (text, width) => {
  expect(textWidth(text)).toBe(width);
});

test("texts are cut and filled by columns, between whole characters", () => {
  expect(cutToWidth("abcdef", 6)).toBe("abcdef");
  expect(cutToWidth("abcdefg", 6)).toBe("abcde…");
  expect(cutToWidth("日本語", 4)).toBe("日…");
  expect(padToWidth("日", 4)).toBe("日  ");
});
