import { join } from "node:path";
import { readJournal } from "../journal/journal.js";
import { writeSummary } from "../report/console.js";
import { renderJson } from "../report/json.js";
import { buildReport } from "../report/report.js";
import type { ExitCode } from "../report/verdict.js";
import { writeReports } from "../report/write-reports.js";
import { journalFile } from "./run-command.js";
import type { Surroundings } from "./surroundings.js";

export interface ReportOptions {
  readonly output: string;
  readonly json?: true;
}

/** Makes the reports anew from what a run has written, also from one that was broken off. Ends with the code of that run. */
export async function report(options: ReportOptions, { stdout, env }: Surroundings): Promise<ExitCode> {
  const made = buildReport(await readJournal(join(options.output, journalFile)));
  await writeReports(made, options.output);
  if (options.json === true) stdout.write(renderJson(made));
  else writeSummary(made, stdout, env);
  return made.exit_code;
}
