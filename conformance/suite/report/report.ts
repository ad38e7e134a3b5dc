import { judgeBaseline } from "../baseline/judge-baseline.js";
import type { Journal, PlannedCase } from "../journal/journal.js";
import type { Unlock } from "../plan/unlocks.js";
import { type Level, requirements, type RuleId, ruleIds } from "../rules/requirements.js";
import { waivers } from "../rules/waivers.js";
import type { CellResult, CheckRecord } from "../run/cell-result.js";
import { type Status, statuses, worstOf } from "../run/status.js";
import type { TimelineEntry } from "../run/timeline.js";
import { reproduceCommand } from "./reproduce-command.js";
import { type Verdict, verdictOf } from "./verdict.js";

/** The content of report.json, and what all other reports are made from. Names are those of the file. */
export interface Report {
  readonly schema: "palaver.conformance.report.v1";
  readonly implementation: { readonly name: string; readonly version: string };
  readonly claims: Journal["header"]["claims"];
  readonly seed: string;
  readonly started_at: string;
  readonly duration_ms: number;
  /** Whether the run came to its end. */
  readonly complete: boolean;
  readonly verdict: Verdict["verdict"];
  readonly exit_code: Verdict["exitCode"];
  /** Why, as a sentence. */
  readonly because: string;
  /** How many cases are what. */
  readonly summary: Readonly<Record<Status, number>>;
  /** How many of those that failed or warn the baseline knows. They are not met, but expected. */
  readonly known_failures: number;
  readonly baseline_problems: readonly string[];
  readonly requirements: readonly RequirementReport[];
  readonly cases: readonly CaseReport[];
  readonly unlocks: readonly Unlock[];
}

export interface RequirementReport {
  readonly id: RuleId;
  readonly level: Level;
  readonly text: string;
  /** `not_covered`: the selected cases do not look at it. */
  readonly status: "met" | "not_met" | "not_verified" | "not_applicable" | "not_covered";
  readonly cases: readonly string[];
  /** Why the suite has no case for it. */
  readonly waiver?: string | undefined;
}

export interface CaseReport {
  readonly id: string;
  readonly title: string;
  readonly level: Level;
  readonly rules: readonly RuleId[];
  readonly profile: string;
  readonly mutant: string;
  /** The worst of its runs. */
  readonly status: Status;
  readonly message?: string | undefined;
  /** Why the baseline expects it to fail, where it does. */
  readonly known?: string | undefined;
  readonly duration_ms: number;
  readonly runs: readonly RunReport[];
}

export interface RunReport {
  readonly wire: string;
  readonly order: readonly string[];
  readonly seed: string;
  readonly status: Status;
  readonly message?: string | undefined;
  readonly known?: string | undefined;
  readonly duration_ms: number;
  readonly checks: readonly CheckRecord[];
  /** Of runs that did not pass. */
  readonly timeline: readonly TimelineEntry[];
  /** The command that runs exactly this again. */
  readonly reproduce: string;
}

/** Makes the report of a run, also of one that was broken off. */
export function buildReport(journal: Journal): Report {
  const { header, results } = journal;
  const baseline = judgeBaseline(journal);
  const byKey = new Map(results.map((result) => [result.cell.key, result]));
  const cases = header.cases.map((planned) => caseReport(planned, journal, byKey, baseline.known));
  const summary = Object.fromEntries(
    statuses.map((status) => [status, cases.filter((each) => each.status === status).length]),
  ) as Record<Status, number>;
  const complete = journal.durationMs !== undefined;
  const { verdict, exitCode, because } = verdictOf({
    cases,
    complete,
    baselineProblems: baseline.problems,
  });
  return {
    schema: "palaver.conformance.report.v1",
    implementation: header.implementation,
    claims: header.claims,
    seed: header.seed,
    started_at: header.startedAt,
    duration_ms: journal.durationMs ?? results.reduce((sum, { durationMs }) => sum + durationMs, 0),
    complete,
    verdict,
    exit_code: exitCode,
    because,
    summary,
    known_failures: cases.filter(({ known }) => known !== undefined).length,
    baseline_problems: baseline.problems,
    requirements: ruleIds.map((id) => requirementReport(id, cases)),
    cases,
    unlocks: header.unlocks,
  };
}

function caseReport(
  planned: PlannedCase,
  { header, begun }: Journal,
  results: ReadonlyMap<string, CellResult>,
  known: ReadonlyMap<string, string>,
): CaseReport {
  const { id, title, level, rules, profile, mutant, kind, why, cells } = planned;
  const shared = { id, title, level, rules, profile, mutant };
  if (kind !== "run") return { ...shared, status: kind, message: why, duration_ms: 0, runs: [] };

  const finished = cells.flatMap((key) => results.get(key) ?? []);
  const lost = cells.filter((key) => !results.has(key));
  const runs = finished.map((result) => runReport(result, header.manifestPath, known));
  const wasBegun = lost.some((key) => begun.has(key));
  const broken = wasBegun ? "the suite ended while it ran" : "the run ended before it began";
  const status = worstOf([
    ...runs.map((run) => run.status),
    ...lost.map((key): Status => (begun.has(key) ? "error" : "not_verified")),
  ]);
  const failed = runs.filter((run) => run.status === "fail" || run.status === "warn");
  const isKnown = (status === "fail" || status === "warn") && failed.every((run) => run.known !== undefined);
  return {
    ...shared,
    status,
    message: runs.find((run) => run.status === status)?.message ?? (lost.length > 0 ? broken : undefined),
    known: isKnown ? failed[0]?.known : undefined,
    duration_ms: runs.reduce((sum, run) => sum + run.duration_ms, 0),
    runs,
  };
}

function runReport(
  { cell, status, message, durationMs, checks, timeline }: CellResult,
  manifestPath: string,
  known: ReadonlyMap<string, string>,
): RunReport {
  return {
    wire: cell.wire,
    order: cell.order,
    seed: cell.seed,
    status,
    message,
    known: known.get(cell.key),
    duration_ms: durationMs,
    checks,
    timeline,
    reproduce: reproduceCommand(cell, manifestPath),
  };
}

function requirementReport(id: RuleId, cases: readonly CaseReport[]): RequirementReport {
  const own = cases.filter(({ rules }) => rules.includes(id));
  const waiver = waivers.find(({ rules }) => rules.includes(id))?.reason;
  const { level, text } = requirements[id];
  return { id, level, text, status: requirementStatus(id, own), cases: own.map((each) => each.id), waiver };
}

function requirementStatus(id: RuleId, cases: readonly CaseReport[]): RequirementReport["status"] {
  if (cases.length === 0) return "not_covered";
  const fails = cases.some(
    ({ level, runs }) =>
      level === "MUST" &&
      runs.some(({ checks }) => checks.some(({ rule, passed }) => rule === id && !passed)),
  );
  if (fails) return "not_met";
  const claimed = cases.filter(({ status }) => status !== "not_applicable");
  if (claimed.length === 0) return "not_applicable";
  // A case that failed at another rule may have ended before it had looked at everything of this one.
  const isDecided = ({ status }: CaseReport): boolean => status === "pass" || status === "warn";
  return claimed.every(isDecided) ? "met" : "not_verified";
}
