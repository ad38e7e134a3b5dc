import { expect, test } from "vitest";
import { formatAge, renderTable } from "./table.js";

const row = (...texts: string[]) => texts.map((text) => ({ text }));

test("columns are as wide as their widest cell, whatever the script", () => {
  expect(renderTable([row("ID", "TITLE", "X"), row("1", "日本", "a"), row("22", "e", "b")])).toBe(
    "ID  TITLE  X\n1   日本   a\n22  e      b\n",
  );
});

test("the last column gives way to the edge of the terminal", () => {
  expect(renderTable([row("1", "a long title that goes on")], 16)).toBe("1  a long title…\n");
});

test("colours do not count", () => {
  const paint = (text: string): string => `<${text}>`;
  expect(renderTable([[{ text: "a", paint }, { text: "b" }], row("ccc", "d")])).toBe("<a  >  b\nccc  d\n");
});

test("no rows are no lines", () => {
  expect(renderTable([])).toBe("");
});

test.each([
  [59_999, "now"],
  [60_000, "1m"],
  [3_599_999, "59m"],
  [3_600_000, "1h"],
  [86_400_000 * 12, "12d"],
  [-5_000, "now"],
])("after %d ms it is %s old", (ms, age) => {
  const now = new Date("2026-01-20T00:00:00Z");
  expect(formatAge(new Date(now.getTime() - ms), now)).toBe(age);
});
