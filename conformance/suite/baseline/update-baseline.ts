import { stringify } from "yaml";
import type { Report } from "../report/report.js";
import type { BaselineEntry } from "./baseline.js";
import { baselineSchemaName } from "./baseline.js";

export interface BaselineUpdate {
  readonly entries: readonly BaselineEntry[];
  readonly added: number;
  readonly removed: number;
}

/**
 * The baseline for what a report says: entries of cases that were not run, or still fail, stay as they are; those that are stale or expired go; a new
 * entry for each rule that failed and is not known yet. Flaky entries are people's business, and stay.
 */
export function updateBaseline(
  entries: readonly BaselineEntry[],
  report: Report,
  fresh: Pick<BaselineEntry, "reason" | "expires">,
): BaselineUpdate {
  const failures = report.cases.flatMap(({ id, runs }) =>
    runs.flatMap(({ status, checks }) =>
      status === "fail" || status === "warn"
        ? checks.flatMap(({ passed, rule }) => (passed ? [] : [{ case: id, rule }]))
        : [],
    ),
  );
  const concluded = new Set(
    report.cases.flatMap(({ id, status }) => (["pass", "fail", "warn"].includes(status) ? [id] : [])),
  );
  const day = report.started_at.slice(0, 10);
  const isTrue = (entry: BaselineEntry): boolean =>
    (entry.expires === undefined || entry.expires >= day) && isStillSeen(entry);
  const isStillSeen = (entry: BaselineEntry): boolean =>
    entry.status === "flaky" ||
    !concluded.has(entry.case) ||
    failures.some(
      (failure) => failure.case === entry.case && (entry.rule === undefined || entry.rule === failure.rule),
    );
  const kept = entries.filter(isTrue);
  const next: BaselineEntry[] = [...kept];
  for (const failure of failures) {
    const isKnown = next.some(
      (entry) => entry.case === failure.case && (entry.rule === undefined || entry.rule === failure.rule),
    );
    if (!isKnown) next.push({ ...failure, status: "failing", ...fresh });
  }
  return { entries: next, added: next.length - kept.length, removed: entries.length - kept.length };
}

export function renderBaseline(entries: readonly BaselineEntry[]): string {
  return `# Failures that are known. An entry that is not true any more fails the run.\n${stringify({ schema: baselineSchemaName, entries })}`;
}
