import * as z from "zod";
import type { Result } from "./result.js";
import { shown, table } from "./table.js";

const number = z.number();
const nullable = number.nullable();

/** The file that `--json` writes. */
export const resultsSchema: z.ZodType<readonly Result[]> = z.array(
  z.strictObject({
    id: z.string(),
    case: z.string(),
    value: number,
    unit: z.string(),
    floor: nullable,
    ratio: nullable,
    bar: z.string().nullable(),
    met: z.boolean().nullable(),
    cpu_server: nullable,
    cpu_client: nullable,
    runs: z.array(
      z.strictObject({
        value: number,
        floor: z.number().exactOptional(),
        cpu_server: z.number().exactOptional(),
        cpu_client: z.number().exactOptional(),
      }),
    ),
  }),
);

/** What stands in both files and moved by more than this share of what it was, or whose bar is met in one alone. */
const notable = 0.1;

/**
 * What moved from one run to another, as lines for a person. Where there is a floor the ratios are compared: two runs on two days, or on two
 * machines, have no other measure in common.
 */
export function compareResults(before: readonly Result[], after: readonly Result[]): string {
  const old = new Map(before.map((result) => [keyOf(result), result]));
  const rows = after.flatMap((result) => {
    const was = old.get(keyOf(result));
    if (was === undefined) return [];
    const [from, to] = measureOf(was, result);
    const change = to / from - 1;
    const turned = was.met !== result.met;
    if (Math.abs(change) <= notable && !turned) return [];
    const sign = change > 0 ? "+" : "";
    const verdict = turned ? `${met(was)} → ${met(result)}` : "";
    return [
      [result.id, result.case, shown(from), shown(to), `${sign}${Math.round(change * 100)} %`, verdict],
    ];
  });
  const keys = new Set(after.map(keyOf));
  const fresh = after.filter((result) => !old.has(keyOf(result)));
  const gone = before.filter((result) => !keys.has(keyOf(result)));
  const still = after.length - fresh.length - rows.length;
  return [
    ...(rows.length === 0 ? [] : [table([["", "case", "before", "after", "change", "bar met"], ...rows])]),
    `${rows.length} moved by more than ${notable * 100} %, ${still} did not`,
    ...fresh.map((result) => `only after: ${keyOf(result)}`),
    ...gone.map((result) => `only before: ${keyOf(result)}`),
  ].join("\n");
}

function keyOf({ id, case: name }: Result): string {
  // What a case measured beside its number may stand in brackets.
  return `${id} ${name.replace(/ \(.*\)$/, "")}`;
}

function measureOf(before: Result, after: Result): [number, number] {
  return before.ratio === null || after.ratio === null
    ? [before.value, after.value]
    : [before.ratio, after.ratio];
}

function met({ met }: Result): string {
  return met === null ? "not judged" : met ? "yes" : "no";
}
