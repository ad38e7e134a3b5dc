import { formatDuration } from "../suite/manifest/duration.js";
import type { CaseJudgement } from "./judge-case.js";
import type { MutantReport } from "./run-mutant.js";

const marks: Readonly<Record<CaseJudgement["outcome"], string>> = {
  killed: "✓ killed",
  survived: "✗ survived",
  unproven: "✗ unproven",
  spared: "✓ spared",
  red: "✗ red bystander",
};

/** One mutant: a line for it, and one for each case. */
export function mutantLines({ id, title, original, ok, problem, cases, durationMs }: MutantReport): string {
  const idWidth = Math.max(0, ...cases.map((each) => each.id.length));
  const lines = [
    `${ok ? "✓" : "✗"} ${id}  ${title}  (${original}, ${formatDuration(durationMs)})`,
    ...(problem === undefined ? [] : [`    ✗ ${problem}`]),
    ...cases.map((each) =>
      [
        `    ${marks[each.outcome].padEnd(15)}`,
        each.id.padEnd(idWidth),
        formatDuration(each.durationMs).padStart(7),
        firstLine(each.because ?? ""),
      ]
        .join("  ")
        .trimEnd(),
    ),
  ];
  return `${lines.join("\n")}\n`;
}

/** Of all: how many of what, and those that need somebody's attention. */
export function mutantSummary(reports: readonly MutantReport[]): string {
  const bad = reports.filter(({ ok }) => !ok);
  const count = (outcome: CaseJudgement["outcome"]): number =>
    reports.flatMap(({ cases }) => cases).filter((each) => each.outcome === outcome).length;
  const judged = (["killed", "survived", "unproven", "spared", "red"] as const).map(
    (outcome) => `${count(outcome)} ${outcome}`,
  );
  const unstarted = reports.filter(({ problem }) => problem !== undefined).length;
  const tail = bad.length === 0 ? "" : `: not so ${bad.map(({ id }) => id).join(", ")}`;
  return [
    `cases: ${judged.join(", ")}${unstarted === 0 ? "" : `; ${unstarted} mutants without a judgement`}`,
    `${reports.length - bad.length} of ${reports.length} mutants are found out by what has to, and by nothing else${tail}`,
    "",
  ].join("\n");
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
