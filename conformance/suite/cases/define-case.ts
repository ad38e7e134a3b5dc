import type { Level, RuleId } from "../rules/requirements.js";
import type { CaseContext } from "./case-context.js";
import { disturbing, type Feature, type Need, type Profile, type Wire } from "./vocabulary.js";

export interface CaseDefinition<R extends RuleId> {
  /** `group/slug`, which never changes. */
  readonly id: `${string}/${string}`;
  /** What is asserted, as a sentence about the target. */
  readonly title: string;
  /** The rules that it checks. A run that passes has checked each of them at least once. */
  readonly rules: readonly [R, ...R[]];
  /** At most as binding as each of its rules. A failed SHOULD or MAY is a warning. */
  readonly level: Level;
  readonly profile: Profile;
  /** The case is for targets that claim these only. */
  readonly features?: readonly Feature[];
  readonly needs: readonly Need[];
  /** The deliberately broken implementation that this case must find out. */
  readonly mutant: `M${number}`;
  /** `one`: the first wire that the target claims (the default); `each`: all of them; a list: those of it that are claimed. */
  readonly wires?: "one" | "each" | readonly Wire[];
  /** The case runs once for every order of these, at most five. */
  readonly gates?: readonly string[];
  /** When a run of it is given up, whatever it is doing. No replacement for bounds: a run that ends this way proves nothing. */
  readonly limitMs: number;
  readonly run: (context: CaseContext<R>) => Promise<void>;
}

/** A case as the runner knows it. */
export interface Case {
  readonly id: string;
  readonly title: string;
  readonly rules: readonly RuleId[];
  readonly level: Level;
  readonly profile: Profile;
  readonly features: readonly Feature[];
  readonly needs: readonly Need[];
  readonly mutant: string;
  readonly wires: "one" | "each" | readonly Wire[];
  readonly gates: readonly string[];
  readonly limitMs: number;
  /** Whether no other case may run meanwhile. */
  readonly isExclusive: boolean;
  readonly run: (context: CaseContext) => Promise<void>;
}

const maxGates = 5;

/** @throws when the definition contradicts itself; that is found when the suite is loaded, not when the case is run */
export function defineCase<const R extends RuleId>(definition: CaseDefinition<R>): Case {
  const { id, features = [], wires = "one", gates = [], limitMs, rules, mutant, needs, run } = definition;
  const refuse = (why: string): never => {
    throw new Error(`case ${id}: ${why}`);
  };
  if (!/^[a-z][a-z0-9-]*\/[a-z0-9][a-z0-9-]*$/.test(id)) refuse("an id is group/slug, in small letters");
  if (!/^M\d{2,3}$/.test(mutant)) refuse("a mutant is M and two or three digits");
  if (new Set(rules).size < rules.length) refuse("a rule is named twice");
  if (gates.length > maxGates) refuse(`more than ${maxGates} gates have too many orders`);
  if (new Set(gates).size < gates.length) refuse("two gates have the same name");
  if (gates.some((gate) => !/^[a-z][a-z0-9-]*$/.test(gate))) refuse("gates are named in small letters");
  if (!(limitMs > 0 && limitMs <= 600_000)) refuse("the limit is between 1 ms and 10 minutes");
  return {
    ...definition,
    features,
    wires,
    gates,
    isExclusive: needs.some((need) => disturbing.has(need)),
    run: (context) => run(context),
  };
}
