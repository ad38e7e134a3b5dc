import type { Case } from "../cases/define-case.js";
import type { Manifest } from "../manifest/manifest.js";
import type { Cell } from "../plan/cell.js";
import { type Outcome, outcomeWithin } from "../time.js";
import { CaseRun, NothingProven, StoppedByCheck, told } from "./case-run.js";
import type { CellResult } from "./cell-result.js";
import { Resources } from "./resources.js";
import { errorText } from "./shown.js";
import type { Target } from "./target.js";

/** How long a resource may take to be released. */
const releaseLimitMs = 5_000;

/** How long replicas that a case has ended may take to serve again. */
const restoreLimitMs = 65_000;

export interface CellRun {
  readonly result: CellResult;
  /** The run was given up while it went on: what it does from now on could disturb others in this process. */
  readonly goesOn: boolean;
}

/** Runs a case once, in this process, for at most its limit and what it takes to release its resources. Never rejects. */
export async function runCell(
  each: Case,
  cell: Cell,
  target: Target,
  manifest: Pick<Manifest, "bounds" | "models">,
  { keepsTimeline = false }: { readonly keepsTimeline?: boolean | undefined } = {},
): Promise<CellRun> {
  const over = new AbortController();
  const resources = new Resources();
  const { rules, isExclusive: isAlone } = each;
  const run = new CaseRun({ cell, target, manifest, isAlone, resources, rules, signal: over.signal });
  const outcome = await outcomeWithin((async () => each.run(run.context))(), each.limitMs);
  const waitedFor = run.waitsFor;
  over.abort();
  run.checkAmbient();
  // What is noted after this moment is no longer of this run.
  const checks = [...run.checks];
  const timeline = [...run.timeline.entries];
  const { problems, isLate } = await resources.release(releaseLimitMs);
  const restored = await outcomeWithin(isAlone ? target.restore() : Promise.resolve(), restoreLimitMs);
  if (restored.kind !== "done") problems.push(`the target could not be put right: ${told(restored)}`);

  const verdict = judge(each, checks, outcome, waitedFor);
  const status = verdict.status === "pass" && problems.length > 0 ? "error" : verdict.status;
  const message = [verdict.message, ...problems].filter((text) => text !== undefined).join("; ");
  return {
    result: {
      cell,
      status,
      ...(message === "" ? {} : { message }),
      checks,
      timeline: status === "pass" && !keepsTimeline ? [] : timeline,
      durationMs: outcome.tookMs,
    },
    goesOn: outcome.kind === "late" || isLate || restored.kind !== "done",
  };
}

/** What failed a check stays failed, however the run ended after that. */
function judge(
  each: Case,
  checks: CellResult["checks"],
  outcome: Outcome<void>,
  waitedFor: string | undefined,
): Pick<CellResult, "status" | "message"> {
  const ending = endingOf(outcome, each.limitMs, waitedFor);
  if (checks.some(({ passed }) => !passed))
    return { status: each.level === "MUST" ? "fail" : "warn", message: ending?.message };
  if (ending !== undefined) return ending;
  const unchecked = each.rules.filter((rule) => !checks.some((check) => check.rule === rule));
  if (unchecked.length === 0) return { status: "pass" };
  return { status: "error", message: `the case ended without a look at ${unchecked.join(", ")}` };
}

function endingOf(
  outcome: Outcome<void>,
  limitMs: number,
  waitedFor: string | undefined,
): Pick<CellResult, "status" | "message"> | undefined {
  if (outcome.kind === "done") return undefined;
  if (outcome.kind === "late") {
    const what = waitedFor === undefined ? "something that has no bound" : `"${waitedFor}"`;
    return { status: "error", message: `given up after ${limitMs} ms, while it waited for ${what}` };
  }
  const { error } = outcome;
  if (error instanceof StoppedByCheck) return { status: "fail" };
  if (error instanceof NothingProven) return { status: "not_verified", message: error.message };
  return { status: "error", message: `the case threw ${errorText(error)}` };
}
