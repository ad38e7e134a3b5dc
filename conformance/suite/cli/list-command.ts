import { isSelected } from "../cases/select.js";
import { type Planned, planRun } from "../plan/plan.js";
import { unlocksOf } from "../plan/unlocks.js";
import { exitCode, type ExitCode } from "../report/verdict.js";
import { lackingCases } from "../report/counted.js";
import { loadTarget, requireMatches } from "./load.js";
import type { Surroundings } from "./surroundings.js";

export interface ListOptions {
  readonly target?: string;
  readonly json?: true;
}

/** Shows cases; for a target also what would become of each, and what would let more of them run. */
export async function list(
  patterns: readonly string[],
  { target, json }: ListOptions,
  { stdout, cases }: Surroundings,
): Promise<ExitCode> {
  requireMatches(cases, patterns);
  const loaded = target === undefined ? undefined : await loadTarget(target);
  const plan =
    loaded === undefined
      ? undefined
      : planRun(cases, loaded.manifest, { patterns, seed: "list", repetitionsOf: () => 1 });
  const unlocks = loaded === undefined || plan === undefined ? [] : unlocksOf(plan, loaded.manifest);
  const selected = cases.filter(({ id }) => isSelected(id, patterns));
  const fateOf = (id: string): Planned | undefined => plan?.find((planned) => planned.case.id === id);
  if (json === true) {
    const rows = selected.map(({ run: _, ...each }) => {
      const fate = fateOf(each.id);
      return fate === undefined ? each : { ...each, target: fateJson(fate) };
    });
    stdout.write(`${JSON.stringify({ cases: rows, unlocks }, undefined, 2)}\n`);
    return exitCode.met;
  }
  for (const { id, level, title } of selected) {
    const fate = fateOf(id);
    stdout.write(`${id}  [${level}]  ${title}\n`);
    if (fate !== undefined) stdout.write(`    ${fateText(fate)}\n`);
  }
  stdout.write(`${selected.length} of ${cases.length} cases\n`);
  for (const unlock of unlocks) stdout.write(`more would run: ${unlock.how} (${lackingCases(unlock)})\n`);
  return exitCode.met;
}

function fateJson(planned: Planned): unknown {
  return planned.kind === "run"
    ? { kind: planned.kind, cells: planned.cells.length }
    : { kind: planned.kind, why: planned.why };
}

function fateText(planned: Planned): string {
  if (planned.kind !== "run") return `${planned.kind.replace("_", " ")}: ${planned.why}`;
  return planned.cells.length === 1 ? "runs once" : `runs ${planned.cells.length} times`;
}
