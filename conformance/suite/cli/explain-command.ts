import { needs } from "../cases/vocabulary.js";
import { exitCode, type ExitCode } from "../report/verdict.js";
import { isRuleId, requirements } from "../rules/requirements.js";
import { waivers } from "../rules/waivers.js";
import { UsageError } from "../usage-error.js";
import { requireCase } from "./load.js";
import type { Surroundings } from "./surroundings.js";

/** Says what a rule asks for and which cases look at it, or what a case does and needs. */
export function explain(
  name: string,
  { json }: { readonly json?: true },
  surroundings: Surroundings,
): ExitCode {
  const { stdout, cases } = surroundings;
  const id = name.toUpperCase();
  if (isRuleId(id)) {
    const { level, text } = requirements[id];
    const own = cases.filter(({ rules }) => rules.includes(id)).map((each) => each.id);
    const waiver = waivers.find(({ rules }) => rules.includes(id))?.reason;
    if (json === true)
      stdout.write(`${JSON.stringify({ id, level, text, cases: own, waiver }, undefined, 2)}\n`);
    else
      stdout.write(
        [`${id} [${level}]`, text, ...own.map((each) => `  ${each}`), waiver ?? "", ""].join("\n"),
      );
    return exitCode.met;
  }
  if (!name.includes("/"))
    throw new UsageError(`no rule is called ${name}, and a case is group/name: list shows the cases`);
  const { run: _, ...each } = requireCase(cases, name);
  if (json === true) {
    stdout.write(`${JSON.stringify(each, undefined, 2)}\n`);
    return exitCode.met;
  }
  const lines = [
    `${each.id} [${each.level}], profile ${each.profile}`,
    each.title,
    ...each.rules.map((rule) => `  ${rule}  ${requirements[rule].text}`),
    `needs ${each.needs.length === 0 ? "a URL only" : each.needs.map((need) => needs[need]).join(", ")}`,
    `wires: ${typeof each.wires === "string" ? each.wires : each.wires.join(", ")}`,
    ...(each.gates.length === 0 ? [] : [`every order of ${each.gates.join(", ")}`]),
    `at most ${each.limitMs} ms; found out by mutant ${each.mutant}`,
  ];
  stdout.write(`${lines.join("\n")}\n`);
  return exitCode.met;
}
