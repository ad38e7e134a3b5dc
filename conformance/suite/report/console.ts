import pc from "picocolors";
import type { CellResult } from "../run/cell-result.js";
import { type Status, statuses, worstOf } from "../run/status.js";
import { count, lackingCases } from "./counted.js";
import { failureLines, runName } from "./failure-text.js";
import type { Report } from "./report.js";
import { requirementCounts, seconds, statusMarks, statusWords, verdictWords } from "./words.js";

/** Something that text is written to; a terminal, or not. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

type Colors = ReturnType<typeof pc.createColors>;

/** Colours on terminals only, and never with NO_COLOR. */
function colorsFor(output: Output, env: NodeJS.ProcessEnv): Colors {
  return pc.createColors(output.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb");
}

function paint(status: Status, colors: Colors): (text: string) => string {
  switch (status) {
    case "pass":
      return colors.green;
    case "fail":
      return colors.red;
    case "warn":
      return colors.yellow;
    case "error":
      return colors.magenta;
    case "not_verified":
      return colors.cyan;
    case "not_applicable":
      return colors.dim;
  }
}

/** Says on the way which cases are done, a line for each; on a terminal the last line shows what is going on. */
export class ConsoleProgress {
  readonly #output: Output;
  readonly #colors: Colors;
  /** How many runs of each case are still to come. */
  readonly #open: Map<string, number>;
  readonly #results = new Map<string, CellResult[]>();
  readonly #running = new Map<string, string>();
  readonly #total: number;
  #done = 0;

  constructor(
    output: Output,
    env: NodeJS.ProcessEnv,
    cases: readonly { readonly id: string; readonly cells: number }[],
  ) {
    this.#output = output;
    this.#colors = colorsFor(output, env);
    this.#open = new Map(cases.map(({ id, cells }) => [id, cells]));
    this.#total = cases.reduce((sum, { cells }) => sum + cells, 0);
  }

  begun(key: string, caseId: string): void {
    this.#running.set(key, caseId);
    this.#showStatus();
  }

  finished(result: CellResult): void {
    const { key, caseId } = result.cell;
    this.#running.delete(key);
    this.#done += 1;
    const results = [...(this.#results.get(caseId) ?? []), result];
    this.#results.set(caseId, results);
    const open = (this.#open.get(caseId) ?? 1) - 1;
    this.#open.set(caseId, open);
    if (open === 0) this.#tell(caseId, results);
    this.#showStatus();
  }

  /** Takes the line at the bottom away. */
  close(): void {
    if (this.#output.isTTY === true) this.#output.write("\r\u001b[K");
  }

  #tell(id: string, results: readonly CellResult[]): void {
    const status = worstOf(results.map((result) => result.status));
    const worst = results.find((result) => result.status === status);
    const ms = results.reduce((sum, { durationMs }) => sum + durationMs, 0);
    const runs = results.length === 1 ? "" : `, ${results.length} runs`;
    const failed = worst?.checks.find(({ passed }) => !passed);
    const why = failed === undefined ? worst?.message : `${failed.rule} ${failed.sentence}`;
    this.close();
    const head = `${paint(status, this.#colors)(statusMarks[status])} ${id}`;
    this.#output.write(`${head} ${this.#colors.dim(`${seconds(ms)}${runs}`)}\n`);
    if (why !== undefined && status !== "pass") this.#output.write(`    ${oneLine(why)}\n`);
  }

  #showStatus(): void {
    if (this.#output.isTTY !== true) return;
    const running = [...new Set(this.#running.values())].join(", ");
    const line = `${this.#done}/${this.#total}  ${running}`.slice(0, (this.#output.columns ?? 80) - 1);
    this.#output.write(`\r\u001b[K${this.#colors.dim(line)}`);
  }
}

/** Everything people want to know at the end: each failure at length, then counts and the verdict. */
export function writeSummary(report: Report, output: Output, env: NodeJS.ProcessEnv): void {
  const colors = colorsFor(output, env);
  for (const status of ["warn", "error", "fail"] as const)
    for (const { id, title, runs, status: own } of report.cases)
      if (own === status) {
        // One run tells it; the others are in the report.
        const run = runs.find((each) => each.status === status);
        output.write(`\n${paint(status, colors)(`${statusMarks[status]} ${colors.bold(id)}`)}  ${title}\n`);
        if (run === undefined) continue;
        output.write(`  ${colors.dim(runName(run))}\n`);
        for (const line of failureLines(run)) output.write(`  ${line}\n`);
      }
  const unverified = report.cases.filter(({ status }) => status === "not_verified");
  if (unverified.length > 0) output.write("\nNot verified:\n");
  for (const line of reasonLines(unverified)) output.write(`  ${line}\n`);
  if (report.unlocks.length > 0) output.write("\nWhat would let more cases run:\n");
  for (const unlock of report.unlocks) output.write(`  ${unlock.how} (${lackingCases(unlock)})\n`);
  for (const problem of report.baseline_problems) output.write(`\n${colors.red(problem)}\n`);

  const counts = statuses
    .filter((status) => report.summary[status] > 0)
    .map((status) => paint(status, colors)(`${report.summary[status]} ${statusWords[status]}`));
  output.write(`\n${counts.length === 0 ? "no cases" : counts.join(", ")}; ${requirementCounts(report)}\n`);
  output.write(`${colors.bold(verdictWords[report.verdict])}: ${report.because}\n`);
  output.write(colors.dim(`seed ${report.seed}, ${seconds(report.duration_ms)}\n`));
}

/** A line for each case; one for all that have a reason in common, when they are many. */
function reasonLines(
  cases: readonly { readonly id: string; readonly message?: string | undefined }[],
): string[] {
  const byReason = new Map<string, string[]>();
  for (const { id, message = "no reason was given" } of cases)
    byReason.set(message, [...(byReason.get(message) ?? []), id]);
  return [...byReason].flatMap(([message, ids]) =>
    ids.length < manyCases
      ? ids.map((id) => `${id}: ${oneLine(message)}`)
      : [`${count(ids.length, "case")} (${ids[0] ?? ""} …): ${oneLine(message)}`],
  );
}

const manyCases = 4;

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length <= 200 ? line : `${line.slice(0, 199)}…`;
}
