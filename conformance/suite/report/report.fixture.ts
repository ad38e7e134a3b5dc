import type { BaselineEntry } from "../baseline/baseline.js";
import type { Journal, PlannedCase } from "../journal/journal.js";
import type { CellResult, CheckRecord } from "../run/cell-result.js";
import type { Status } from "../run/status.js";

/** What became of a run of `group/case`, with a check for each of `passed`. */
export function resultOf(
  caseId: string,
  status: Exclude<Status, "not_applicable">,
  changes: Partial<CellResult> & { readonly repetition?: number } = {},
): CellResult {
  const { repetition = 0, ...others } = changes;
  const key = `${caseId} grpc${repetition === 0 ? "" : ` #${repetition + 1}`}`;
  const check: CheckRecord = {
    rule: "STREAM-5",
    sentence: "no gap",
    passed: status !== "fail" && status !== "warn",
    expected: "[ 1, 2 ]",
    observed: "[ 1, 3 ]",
    atMs: 12,
  };
  return {
    cell: { key, caseId, wire: "grpc", order: [], repetition, seed: "1a2b3c4d" },
    status,
    checks: [check],
    timeline: [],
    durationMs: 1_500,
    ...others,
  };
}

export function journalOf(
  results: readonly CellResult[],
  baseline: readonly BaselineEntry[] = [],
  more: readonly PlannedCase[] = [],
): Journal {
  const ids = [...new Set(results.map(({ cell }) => cell.caseId))];
  const planned = ids.map((id): PlannedCase => {
    const own = results.filter(({ cell }) => cell.caseId === id);
    const level = own.some(({ status }) => status === "warn") ? "SHOULD" : "MUST";
    return {
      id,
      title: "counts <without> gap & repeat",
      level,
      rules: ["STREAM-5"],
      profile: "core",
      mutant: "M06",
      kind: "run",
      cells: own.map(({ cell }) => cell.key),
    };
  });
  const cases = [...planned, ...more];
  return {
    header: {
      type: "run",
      startedAt: "2030-06-15T10:00:00.000Z",
      manifestPath: "target.yaml",
      implementation: { name: "example", version: "1.0" },
      claims: { protocol: "1", profiles: ["core"], wires: ["grpc"], features: [] },
      seed: "5eed",
      cases,
      unlocks: [],
      baseline,
      knownCases: cases.map(({ id }) => id),
    },
    results,
    begun: new Set(),
    durationMs: 2_000,
  };
}
