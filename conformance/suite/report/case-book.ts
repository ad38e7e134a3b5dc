import type { Case } from "../cases/define-case.js";
import { needs } from "../cases/vocabulary.js";
import { requirements, ruleIds } from "../rules/requirements.js";
import type { Waiver } from "../rules/waivers.js";

/** All cases by group, and all rules with the cases that look at them, as Markdown: the same for the same suite. */
export function renderCaseBook(cases: readonly Case[], waivers: readonly Waiver[]): string {
  const groups = new Map<string, Case[]>();
  for (const each of cases) {
    const [group = ""] = each.id.split("/");
    groups.set(group, [...(groups.get(group) ?? []), each]);
  }
  const count = (level: string): number => cases.filter((each) => each.level === level).length;
  return [
    "# The cases",
    "",
    "Generated from the suite by `npm run docs`: do not edit.",
    "",
    `${cases.length} cases: ${count("MUST")} MUST, ${count("SHOULD")} SHOULD, ${count("MAY")} MAY. What a case needs besides a URL stands in the third`,
    "column; how often it runs depends on the wires that are claimed and on its gates. The last column names the deliberately broken",
    "implementation that it finds out.",
    "",
    ...[...groups].flatMap(([group, its]) => [`## ${group}`, "", ...groupTable(its), ""]),
    "## Rules",
    "",
    "| rule | level | cases |",
    "| --- | --- | --- |",
    ...ruleIds.map((id) => {
      const own = cases.filter(({ rules }) => rules.includes(id)).map((each) => `\`${each.id}\``);
      const waiver = waivers.find(({ rules }) => rules.includes(id))?.reason;
      return `| ${id} | ${requirements[id].level} | ${own.length > 0 ? own.join(", ") : cell(waiver ?? "none")} |`;
    }),
    "",
  ].join("\n");
}

function groupTable(cases: readonly Case[]): string[] {
  return [
    "| case | asserts that | needs | rules | mutant |",
    "| --- | --- | --- | --- | --- |",
    ...cases.map((each) => {
      const orders = each.gates.length > 1 ? `; every order of ${each.gates.join(", ")}` : "";
      const level = each.level === "MUST" ? "" : ` (${each.level})`;
      const means = each.needs.map((need) => needs[need]).join(", ");
      return `| \`${each.id}\`${level} | ${cell(each.title)}${orders} | ${means === "" ? "–" : means} | ${each.rules.join(", ")} | ${each.mutant} |`;
    }),
  ];
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
