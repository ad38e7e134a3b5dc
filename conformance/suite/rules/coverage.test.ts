import { describe, expect, it } from "vitest";
import { cases } from "../cases/all-cases.js";
import { type Case, defineCase } from "../cases/define-case.js";
import { coverageProblems } from "./coverage.js";
import { ruleIds } from "./requirements.js";
import { type Waiver, waivers } from "./waivers.js";

const one: Case = defineCase({
  id: "order/seq-contiguous",
  title: "counts without gap",
  rules: ["STREAM-5"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M06",
  limitMs: 1_000,
  run: async () => undefined,
});
const all: Waiver = { rules: ruleIds, reason: "later: all" };
const without: Waiver = { rules: ruleIds.filter((id) => id !== "STREAM-5"), reason: "later: the others" };

describe("the suite", () => {
  it("has a case or a waiver for every MUST, and none asks for more than its rules do", () => {
    expect(coverageProblems(cases, waivers)).toEqual([]);
  });
});

describe("the lint", () => {
  it("accepts a case in place of a waiver", () => {
    expect(coverageProblems([one], [without])).toEqual([]);
  });

  it.each<[string, readonly Case[], readonly Waiver[]]>([
    ["STREAM-5 is a MUST, and neither a case nor a waiver names it", [], [without]],
    ["STREAM-5 has a case now: remove its waiver", [one], [all]],
    ["STREAM-5 is waived 2 times", [], [all, { rules: ["STREAM-5"], reason: "later: again" }]],
    ["two cases are called order/seq-contiguous", [one, one], [without]],
    [
      "STREAM-5 is a MUST, and neither a case nor a waiver names it",
      [{ ...one, level: "SHOULD" }],
      [without],
    ],
  ])("finds: %s", (problem, of, with_) => {
    expect(coverageProblems(of, with_)).toEqual([problem]);
  });
});
