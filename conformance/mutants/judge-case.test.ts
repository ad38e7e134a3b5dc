import { describe, expect, it } from "vitest";
import type { Case } from "../suite/cases/define-case.js";
import type { CellResult } from "../suite/run/cell-result.js";
import { cases } from "../suite/run/suite.fixture.js";
import { judgeKill, judgeSpare } from "./judge-case.js";

const caseOf = (id: string): Case => {
  const found = cases.find((each) => each.id === id);
  if (found === undefined) throw new Error(`the fixture has no ${id}`);
  return found;
};
const must = { case: caseOf("end/fail"), cells: [] };
const should = { case: caseOf("end/warn"), cells: [] };

function result(status: CellResult["status"]): CellResult {
  const failed = status === "fail" || status === "warn";
  return {
    cell: { key: "k", caseId: "end/fail", wire: "grpc", order: [], repetition: 0, seed: "5eed" },
    status,
    ...(failed || status === "pass" ? {} : { message: "given up" }),
    checks: [
      { rule: "STREAM-5", sentence: "in order", passed: !failed, expected: "1", observed: "2", atMs: 0 },
    ],
    timeline: [],
    durationMs: 10,
  };
}

describe("a case that has to find a mutant out", () => {
  it.each<[string, CellResult["status"][], ReturnType<typeof judgeKill>["outcome"]]>([
    ["kills it by a failed check", ["fail"], "killed"],
    ["kills it by one of its runs", ["pass", "error", "fail"], "killed"],
    ["lets it survive by passing", ["pass", "pass"], "survived"],
    ["proves nothing by an error", ["pass", "error"], "unproven"],
    ["proves nothing by what did not come about", ["not_verified"], "unproven"],
    ["proves nothing by a warning of a MUST", ["warn"], "unproven"],
    ["proves nothing when it does not run", [], "unproven"],
  ])("%s", (_, statuses, outcome) => {
    expect(judgeKill(must, statuses.map(result)).outcome).toBe(outcome);
  });

  it("kills it by a warning, when it is about a SHOULD", () => {
    expect(judgeKill(should, [result("warn")])).toEqual({
      id: "end/warn",
      outcome: "killed",
      because: "STREAM-5 in order",
      durationMs: 10,
    });
  });
});

describe("a case that must not notice a mutant", () => {
  it.each<[CellResult["status"][], ReturnType<typeof judgeSpare>["outcome"]]>([
    [["pass"], "spared"],
    [["fail"], "red"],
    [["error"], "red"],
    [["not_verified"], "red"],
    [[], "red"],
  ])("with %j is %s", (statuses, outcome) => {
    expect(judgeSpare(must, statuses.map(result)).outcome).toBe(outcome);
  });
});
