import { describe, expect, it } from "vitest";
import type { PlannedCase } from "../journal/journal.js";
import { journalOf, resultOf } from "../report/report.fixture.js";
import type { CellResult } from "../run/cell-result.js";
import { type BaselineEntry, repetitionsFor } from "./baseline.js";
import { judgeBaseline } from "./judge-baseline.js";

const failing: BaselineEntry = { case: "order/gap", status: "failing", reason: "known since May" };
const fail = resultOf("order/gap", "fail");
const pass = resultOf("order/gap", "pass");
const overGrpcWeb: CellResult = {
  ...fail,
  cell: { ...fail.cell, key: "order/gap grpc-web", wire: "grpc-web" },
};

function judge(results: readonly CellResult[], ...baseline: readonly BaselineEntry[]) {
  const { known, problems } = judgeBaseline(journalOf(results, baseline));
  return { known: Object.fromEntries(known), problems };
}

describe("a baseline", () => {
  it("knows what fails as it says", () => {
    expect(judge([fail], failing)).toEqual({ known: { "order/gap grpc": "known since May" }, problems: [] });
    expect(judge([fail], { ...failing, rule: "STREAM-5", wire: "grpc" }).known).not.toEqual({});
  });

  it("does not know a run in which something else failed as well", () => {
    const [check] = fail.checks;
    if (check === undefined) throw new Error("a failed run has a check");
    const both = { ...fail, checks: [check, { ...check, rule: "STREAM-7" as const }] };
    expect(judge([both], { ...failing, rule: "STREAM-5" }).known).toEqual({});
    expect(judge([both], failing).known).not.toEqual({});
  });

  it("never takes an error of the suite, or what was not verified, for a known failure", () => {
    for (const status of ["error", "not_verified"] as const)
      expect(judge([resultOf("order/gap", status)], failing)).toEqual({ known: {}, problems: [] });
  });

  it.each<[string, BaselineEntry, CellResult]>([
    ["stale", failing, pass],
    ["expired on 2030-06-14", { ...failing, expires: "2030-06-14" }, fail],
    ["there is no such case", { ...failing, case: "order/none" }, fail],
    ["does not check that rule", { ...failing, rule: "RELAY-3" }, fail],
    ["does not run over that wire", { ...failing, wire: "connect" }, fail],
    ["does not run over that wire", { ...failing, wire: "grpc" }, overGrpcWeb],
  ])("with an entry that is not true has a problem: %s", (problem, entry, result) => {
    const { known, problems } = judge([result], entry);
    expect(problems).toEqual([expect.stringContaining(problem)]);
    expect(known).toEqual({});
  });

  it("holds on its last day", () => {
    expect(judge([fail], { ...failing, expires: "2030-06-15" }).problems).toEqual([]);
  });

  it("has a problem with an entry for what is not applicable, and none with one for what was not selected", () => {
    const other: PlannedCase = {
      id: "action/x",
      title: "lists each call",
      level: "MUST",
      rules: ["CHAT-1"],
      profile: "core",
      mutant: "M02",
      kind: "not_applicable",
      why: "it is not claimed",
      cells: [],
    };
    const journal = journalOf([pass], [{ ...failing, case: "action/x" }], [other]);
    expect(judgeBaseline(journal).problems).toEqual([
      expect.stringContaining("not applicable, it is not claimed"),
    ]);
    const unselected = { ...journal, header: { ...journal.header, cases: [] } };
    expect(judgeBaseline(unselected).problems).toEqual([]);
  });

  it("lets a flaky case fail as often as it says, and has it run often enough to tell", () => {
    const flaky: BaselineEntry = { case: "order/gap", status: "flaky", rate: 0.1, reason: "a race" };
    expect(repetitionsFor([flaky], "order/gap")).toBe(10);
    expect(repetitionsFor([flaky], "order/other")).toBe(1);
    const runs = (failures: number): CellResult[] =>
      Array.from({ length: 10 }, (_, repetition) =>
        resultOf("order/gap", repetition < failures ? "fail" : "pass", { repetition }),
      );
    expect(judge(runs(0), flaky)).toEqual({ known: {}, problems: [] });
    expect(judge(runs(1), flaky)).toEqual({ known: { "order/gap grpc": "a race" }, problems: [] });
    expect(judge(runs(2), flaky).problems).toEqual([expect.stringContaining("2 of 10 runs")]);
    expect(judge(runs(2), flaky).known).toEqual({});
  });
});
