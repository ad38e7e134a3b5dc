import type { Case } from "../cases/define-case.js";
import { isStricter, requirements, ruleIds } from "./requirements.js";
import type { Waiver } from "./waivers.js";

/**
 * What is wrong between rules, cases and waivers, as sentences: a MUST without case or waiver, a waiver that is not needed, a case that asks
 * for more than its rules do, two cases of one name.
 */
export function coverageProblems(cases: readonly Case[], waivers: readonly Waiver[]): string[] {
  const problems: string[] = [];
  const checked = new Set(cases.flatMap((each) => (each.level === "MUST" ? each.rules : [])));
  const waived = waivers.flatMap(({ rules }) => rules);
  for (const id of ruleIds) {
    const times = waived.filter((rule) => rule === id).length;
    if (requirements[id].level === "MUST" && !checked.has(id) && times === 0)
      problems.push(`${id} is a MUST, and neither a case nor a waiver names it`);
    if (checked.has(id) && times > 0) problems.push(`${id} has a case now: remove its waiver`);
    if (times > 1) problems.push(`${id} is waived ${times} times`);
  }
  const seen = new Set<string>();
  for (const { id, level, rules } of cases) {
    if (seen.has(id)) problems.push(`two cases are called ${id}`);
    seen.add(id);
    for (const rule of rules)
      if (isStricter(level, requirements[rule].level))
        problems.push(`${id} is a ${level}, but ${rule} is a ${requirements[rule].level} only`);
  }
  return problems;
}
