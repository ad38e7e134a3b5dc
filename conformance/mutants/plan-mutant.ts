import type { Case } from "../suite/cases/define-case.js";
import { isSelected } from "../suite/cases/select.js";
import type { Manifest } from "../suite/manifest/manifest.js";
import type { Cell } from "../suite/plan/cell.js";
import { type Planned, planRun } from "../suite/plan/plan.js";
import type { Fault } from "./fault.js";

/** What mutants are made of. The single replica starts in a fraction of the time. */
export interface Originals {
  readonly single: Manifest;
  readonly reference: Manifest;
}

/** What is to be looked at for one mutant. */
export interface MutantPlan {
  readonly fault: Fault;
  readonly original: keyof Originals;
  readonly kills: readonly PlannedCase[];
  readonly spares: readonly PlannedCase[];
  /** What the fault names, and no case is called. */
  readonly unknown: readonly string[];
}

export interface PlannedCase {
  readonly case: Case;
  /** At least one, or `why` it does not run. */
  readonly cells: readonly Cell[];
  readonly why?: string;
}

/**
 * A mutant is one of the single replica when every case that has to fail runs there without disturbing others, and of each pattern of `spares` at
 * least one; of the cluster otherwise. Of a group that it has to spare, the cases that run there count, each once.
 */
export function planMutant(
  fault: Fault,
  cases: readonly Case[],
  originals: Originals,
  seed: string,
): MutantPlan {
  const planOf = (original: keyof Originals, patterns: readonly string[]): Planned[] =>
    planRun(cases, originals[original], { patterns, seed, repetitionsOf: () => 1 });
  const suits = (planned: Planned): boolean => planned.kind === "run" && !planned.case.isExclusive;
  const fits =
    planOf("single", fault.kills).every(suits) &&
    fault.spares.every((pattern) => planOf("single", [pattern]).some(suits));
  const original = fits ? "single" : "reference";

  const kills = planOf(original, fault.kills);
  const spares = planOf(original, fault.spares).filter(
    (planned) =>
      !kills.some((kill) => kill.case === planned.case) &&
      (fits ? suits(planned) : planned.kind === "run" || fault.spares.includes(planned.case.id)),
  );
  return {
    fault,
    original,
    unknown: [...fault.kills, ...fault.spares].filter(
      (pattern) => !cases.some(({ id }) => isSelected(id, [pattern])),
    ),
    kills: kills.map(plannedCase),
    spares: spares.map((spare) => {
      const { cells, ...rest } = plannedCase(spare);
      return { ...rest, cells: cells.slice(0, 1) };
    }),
  };
}

function plannedCase(planned: Planned): PlannedCase {
  return planned.kind === "run"
    ? { case: planned.case, cells: planned.cells }
    : { case: planned.case, cells: [], why: planned.why };
}
