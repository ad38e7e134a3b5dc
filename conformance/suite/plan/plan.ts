import type { Case } from "../cases/define-case.js";
import { isSelected } from "../cases/select.js";
import { type Need, needs, type Wire } from "../cases/vocabulary.js";
import type { Manifest } from "../manifest/manifest.js";
import { deriveSeed } from "../run/seeded-random.js";
import type { Cell } from "./cell.js";
import { offersOf } from "./offers.js";
import { ordersOf } from "./orders.js";

/** What becomes of a case: it runs, or `why` it does not. */
export type Planned =
  | { readonly case: Case; readonly kind: "run"; readonly cells: readonly Cell[] }
  | { readonly case: Case; readonly kind: "not_applicable"; readonly why: string }
  | {
      readonly case: Case;
      readonly kind: "not_verified";
      readonly why: string;
      readonly missing: readonly Need[];
    };

export interface PlanOptions {
  readonly patterns: readonly string[];
  readonly seed: string;
  /** How often each cell runs; a baseline may ask for more of a case. */
  readonly repetitionsOf: (caseId: string) => number;
}

/** What is to be run of the selected cases, in their order. */
export function planRun(cases: readonly Case[], manifest: Manifest, options: PlanOptions): Planned[] {
  return cases
    .filter(({ id }) => isSelected(id, options.patterns))
    .map((each) => planCase(each, manifest, options));
}

function planCase(each: Case, manifest: Manifest, { seed, repetitionsOf }: PlanOptions): Planned {
  const { claims } = manifest;
  const unclaimed = (what: string): Planned => ({
    case: each,
    kind: "not_applicable",
    why: `${what} is not claimed`,
  });
  if (!claims.profiles.includes(each.profile)) return unclaimed(`the profile ${each.profile}`);
  const feature = each.features.find((name) => !claims.features.includes(name));
  if (feature !== undefined) return unclaimed(`the feature ${feature}`);
  const chosen = wiresOf(each, claims.wires);
  if (chosen.length === 0) return unclaimed(`any of the wires ${String(each.wires)}`);

  const offers = offersOf(manifest);
  const missing = each.needs.filter((need) => !offers[need].isThere);
  if (missing.length > 0) {
    const why = `the manifest offers no way to get at ${missing.map((need) => needs[need]).join(", ")}`;
    return { case: each, kind: "not_verified", why, missing };
  }

  const cells: Cell[] = [];
  for (let repetition = 0; repetition < repetitionsOf(each.id); repetition++)
    for (const wire of chosen)
      for (const order of ordersOf(each.gates)) {
        const key = cellKey(each.id, wire, order, repetition);
        cells.push({ key, caseId: each.id, wire, order, repetition, seed: deriveSeed(seed, key) });
      }
  return { case: each, kind: "run", cells };
}

function wiresOf({ wires }: Case, claimed: readonly Wire[]): readonly Wire[] {
  if (wires === "one") return claimed.slice(0, 1);
  return wires === "each" ? claimed : claimed.filter((wire) => wires.includes(wire));
}

export function cellKey(caseId: string, wire: Wire, order: readonly string[], repetition: number): string {
  const gates = order.length === 0 ? "" : ` ${order.join(">")}`;
  return `${caseId} ${wire}${gates}${repetition === 0 ? "" : ` #${repetition + 1}`}`;
}
