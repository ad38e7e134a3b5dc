import type { CellResult } from "../suite/run/cell-result.js";
import type { PlannedCase } from "./plan-mutant.js";

/** What a case made of a mutant that it has to find out. */
export type KillOutcome =
  /** A check failed. */
  | "killed"
  /** It noticed nothing. */
  | "survived"
  /** It did not pass, but by an error, by its limit, or because what it begins with did not come about: that finds out nothing. */
  | "unproven";

/** What a case made of a mutant that is none of its business. */
export type SpareOutcome = "spared" | "red";

export interface CaseJudgement {
  readonly id: string;
  readonly outcome: KillOutcome | SpareOutcome;
  /** The check that failed first, or why it came to nothing. */
  readonly because?: string;
  /** Of all its runs. */
  readonly durationMs: number;
}

export function judgeKill(planned: PlannedCase, results: readonly CellResult[]): CaseJudgement {
  const found = results.find((result) => hasFailedCheck(planned, result));
  if (found !== undefined) return judgement(planned, results, "killed", reasonOf(found));
  const open = results.find(({ status }) => status !== "pass");
  if (open === undefined && results.length > 0) return judgement(planned, results, "survived");
  return judgement(planned, results, "unproven", open === undefined ? planned.why : reasonOf(open));
}

export function judgeSpare(planned: PlannedCase, results: readonly CellResult[]): CaseJudgement {
  const bad = results.find(({ status }) => status !== "pass");
  if (bad === undefined && results.length > 0) return judgement(planned, results, "spared");
  return judgement(planned, results, "red", bad === undefined ? planned.why : reasonOf(bad));
}

/** A case of a SHOULD or MAY only warns. */
export function hasFailedCheck({ case: { level } }: PlannedCase, { status }: CellResult): boolean {
  return status === "fail" || (status === "warn" && level !== "MUST");
}

function reasonOf({ status, message, checks }: CellResult): string {
  const failed = checks.find(({ passed }) => !passed);
  return failed === undefined ? `${status}: ${message ?? ""}` : `${failed.rule} ${failed.sentence}`;
}

function judgement(
  { case: { id } }: PlannedCase,
  results: readonly CellResult[],
  outcome: CaseJudgement["outcome"],
  because = "it was not run",
): CaseJudgement {
  const durationMs = results.reduce((sum, result) => sum + result.durationMs, 0);
  const isPlain = outcome === "survived" || outcome === "spared";
  return { id, outcome, ...(isPlain ? {} : { because }), durationMs };
}
