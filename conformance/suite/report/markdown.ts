import { type Status, statuses } from "../run/status.js";
import { failureLines, runName } from "./failure-text.js";
import type { CaseReport, Report } from "./report.js";
import { lackingCases } from "./counted.js";
import { requirementCounts, seconds, statusMarks, statusWords, verdictWords } from "./words.js";

/** How many failed cases are told at length: summaries of CI have a limited size. */
const toldAtLength = 20;

/** A summary for people, as CI systems and pull requests show it. */
export function renderMarkdown(report: Report): string {
  const { implementation, claims, verdict, because, summary, duration_ms, seed } = report;
  const sections = [
    `# ${plain(implementation.name)} ${plain(implementation.version)}: ${verdictWords[verdict]}`,
    `${plain(capitalised(because))}. ${requirementCounts(report)}.`,
    table(
      ["status", "cases"],
      statuses.map((status) => [statusWords[status], String(summary[status])]),
    ),
    `Protocol ${claims.protocol}, profiles ${claims.profiles.join(", ")}, wires ${claims.wires.join(", ")}. ${seconds(duration_ms)}, seed \`${seed}\`.`,
    ...list("The baseline is wrong", report.baseline_problems),
    ...told(report, "Failed", ["fail"]),
    ...told(report, "Errors of the suite", ["error"]),
    ...told(report, "Warnings", ["warn"]),
    ...list(
      "Not verified",
      report.cases
        .filter(({ status }) => status === "not_verified")
        .map(({ id, message }) => `\`${id}\`: ${message ?? "no reason was given"}`),
    ),
    ...list(
      "What would let more cases run",
      report.unlocks.map((unlock) => `${unlock.how} (${lackingCases(unlock)})`),
    ),
  ];
  return `${sections.join("\n\n")}\n`;
}

function told(report: Report, title: string, wanted: readonly Status[]): string[] {
  const cases = report.cases.filter(({ status }) => wanted.includes(status));
  if (cases.length === 0) return [];
  const more = cases.length - toldAtLength;
  return [
    `## ${title}`,
    ...cases.slice(0, toldAtLength).map((each) => toldCase(each, wanted)),
    ...(more > 0 ? [`… and ${more} more: see the HTML report.`] : []),
  ];
}

/** The first run that shows it; the others look much the same. */
function toldCase({ id, title, known, message, runs }: CaseReport, wanted: readonly Status[]): string {
  const own = runs.filter(({ status }) => wanted.includes(status));
  const [first] = own;
  const mark = known === undefined ? "" : ` — known: ${plain(known)}`;
  const head = `### ${statusMarks[wanted[0] ?? "fail"]} \`${id}\`${mark}\n\n${plain(title)}`;
  if (first === undefined) return `${head}\n\n${plain(message ?? "")}`;
  const others = own.length > 1 ? ` (and ${own.length - 1} more of ${runs.length} runs)` : "";
  return `${head}\n\n${runName(first)}${others}\n\n${fenced(failureLines(first).join("\n"))}`;
}

function list(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`## ${title}`, items.map((item) => `- ${item}`).join("\n")];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** A block that no run of backticks in the text can end. */
function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}

function plain(text: string): string {
  return text.replace(/[\\`*_[\]<>|]/g, "\\$&").replace(/\s+/g, " ");
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
