import type { Journal, PlannedCase } from "../journal/journal.js";
import type { CellResult, CheckRecord } from "../run/cell-result.js";
import type { BaselineEntry } from "./baseline.js";

export interface BaselineVerdict {
  /** The failed runs that the baseline knows, by the key of their cell, with its reasons. */
  readonly known: ReadonlyMap<string, string>;
  /** What is wrong with the baseline itself: each fails the run. */
  readonly problems: readonly string[];
}

/** Compares what failed with what is known to. An entry counts for what it names, and has to be true: one that is not is a problem. */
export function judgeBaseline({ header, results }: Pick<Journal, "header" | "results">): BaselineVerdict {
  const problems: string[] = [];
  const valid: BaselineEntry[] = [];
  const day = header.startedAt.slice(0, 10);
  for (const entry of header.baseline) {
    const problem = problemOf(entry, header, results, day);
    if (problem === undefined) valid.push(entry);
    else problems.push(`${nameOf(entry)}: ${problem}`);
  }
  const known = new Map<string, string>();
  for (const result of results) {
    const failed = failedChecks(result);
    if (failed.length === 0) continue;
    const entries = failed.map((check) => valid.find((entry) => covers(entry, result, check)));
    if (entries.every((entry) => entry !== undefined))
      known.set(result.cell.key, [...new Set(entries.map(({ reason }) => reason))].join("; "));
  }
  return { known, problems };
}

function problemOf(
  entry: BaselineEntry,
  { cases, knownCases }: Journal["header"],
  results: readonly CellResult[],
  day: string,
): string | undefined {
  if (!knownCases.includes(entry.case)) return "unmatched: there is no such case";
  if (entry.expires !== undefined && entry.expires < day) return `expired on ${entry.expires}`;
  const planned = cases.find(({ id }) => id === entry.case);
  if (planned === undefined) return undefined; // Not selected.
  const unmatched = unmatchedReason(entry, planned);
  if (unmatched !== undefined) return `unmatched: ${unmatched}`;

  const concluded = results.filter(
    (result) => isOf(entry, result) && ["pass", "fail", "warn"].includes(result.status),
  );
  if (concluded.length === 0) return undefined;
  const failed = concluded.filter((result) =>
    failedChecks(result).some((check) => covers(entry, result, check)),
  ).length;
  if (entry.status === "failing") return failed === 0 ? "stale: it does not fail any more" : undefined;
  const share = failed / concluded.length;
  return share > (entry.rate ?? 0)
    ? `failed in ${failed} of ${concluded.length} runs, more than its rate of ${entry.rate ?? 0}`
    : undefined;
}

function unmatchedReason({ rule, wire }: BaselineEntry, planned: PlannedCase): string | undefined {
  if (planned.kind === "not_applicable") return `the case is not applicable, ${planned.why ?? ""}`;
  if (rule !== undefined && !planned.rules.includes(rule)) return "the case does not check that rule";
  // A key is the case, the wire, and more.
  const isOverWire = wire === undefined || planned.cells.some((key) => key.split(" ")[1] === wire);
  if (planned.kind === "run" && !isOverWire) return "the case does not run over that wire";
  return undefined;
}

function isOf(entry: BaselineEntry, { cell }: CellResult): boolean {
  return entry.case === cell.caseId && (entry.wire === undefined || entry.wire === cell.wire);
}

function covers(entry: BaselineEntry, result: CellResult, check: CheckRecord): boolean {
  return isOf(entry, result) && (entry.rule === undefined || entry.rule === check.rule);
}

function failedChecks({ checks, status }: CellResult): CheckRecord[] {
  return status === "fail" || status === "warn" ? checks.filter(({ passed }) => !passed) : [];
}

function nameOf(entry: BaselineEntry): string {
  return [`baseline entry ${entry.case}`, entry.rule, entry.wire]
    .filter((part) => part !== undefined)
    .join(" ");
}
