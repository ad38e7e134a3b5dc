import { median } from "./statistics.js";

/** What a case measured, as it stands in the JSON file. */
export interface Result {
  /** Of the bar, such as `P1`. */
  readonly id: string;
  readonly case: string;
  /** The median of the runs, in `unit`. */
  readonly value: number;
  readonly unit: string;
  /** The same of the floor, where there is one; the median too. */
  readonly floor: number | null;
  /** Value by floor: the median of what each pair of neighbouring runs says. */
  readonly ratio: number | null;
  /** In words; null: only told. */
  readonly bar: string | null;
  readonly met: boolean | null;
  /** Cores that the server was busy with, of 1. Null where nothing was measured. */
  readonly cpu_server: number | null;
  readonly cpu_client: number | null;
  readonly runs: readonly Run[];
}

/** One round. */
export interface Run {
  readonly value: number;
  readonly floor?: number;
  readonly cpu_server?: number;
  readonly cpu_client?: number;
}

/** What is judged, and where it is good and where it is bad. */
export interface Bar {
  readonly of: "ratio" | "value";
  readonly is: "at most" | "at least";
  readonly goal: number;
  /** Beyond this the result is not only a miss. */
  readonly reject?: number;
}

export interface Measured {
  readonly id: string;
  readonly case: string;
  readonly unit: string;
  readonly bar?: Bar;
  readonly runs: readonly Run[];
}

/** @throws when nothing was measured, or what was is no number: such a result must not look like one */
export function summarize({ id, case: name, unit, bar, runs }: Measured): Result {
  const value = median(runs.map((run) => run.value));
  const floors = present(runs.map((run) => run.floor));
  const ratios = runs.flatMap((run) => (run.floor === undefined ? [] : [run.value / run.floor]));
  const ratio = ratios.length === 0 ? null : median(ratios);
  // By nothing, or by less, everything would be good.
  if (floors.some((floor) => floor <= 0)) throw new Error(`${id} ${name}: measured ${JSON.stringify(runs)}`);
  const judged = bar?.of === "ratio" ? ratio : value;
  for (const number of [value, ...floors, ...ratios, ...(judged === null ? [Number.NaN] : [judged])])
    if (!Number.isFinite(number)) throw new Error(`${id} ${name}: measured ${JSON.stringify(runs)}`);
  return {
    id,
    case: name,
    value,
    unit,
    floor: floors.length === 0 ? null : median(floors),
    ratio,
    bar: bar === undefined ? null : barText(bar),
    met: bar === undefined || judged === null ? null : meets(bar, judged),
    cpu_server: medianOrNull(present(runs.map((run) => run.cpu_server))),
    cpu_client: medianOrNull(present(runs.map((run) => run.cpu_client))),
    runs,
  };
}

function meets({ is, goal }: Bar, judged: number): boolean {
  return is === "at most" ? judged <= goal : judged >= goal;
}

function barText({ of, is, goal, reject }: Bar): string {
  const sign = is === "at most" ? "≤" : "≥";
  const rejected = reject === undefined ? "" : ` (reject ${is === "at most" ? ">" : "<"} ${reject})`;
  return `${of} ${sign} ${goal}${rejected}`;
}

function present(numbers: readonly (number | undefined)[]): number[] {
  return numbers.filter((number) => number !== undefined);
}

function medianOrNull(numbers: readonly number[]): number | null {
  return numbers.length === 0 ? null : median(numbers);
}
