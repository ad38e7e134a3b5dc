import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { renderBaseline, updateBaseline } from "../baseline/update-baseline.js";
import { readJournal } from "../journal/journal.js";
import { buildReport } from "../report/report.js";
import { exitCode, type ExitCode } from "../report/verdict.js";
import { UsageError } from "../usage-error.js";
import { loadTarget } from "./load.js";
import { journalFile } from "./run-command.js";
import type { Surroundings } from "./surroundings.js";

export interface BaselineOptions {
  readonly target: string;
  readonly output: string;
  readonly reason: string;
  readonly expires?: string;
}

/** Writes the baseline for what the last run found. */
export async function updateBaselineFile(
  options: BaselineOptions,
  { stdout }: Surroundings,
): Promise<ExitCode> {
  const { reason, expires } = options;
  if (expires !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(expires))
    throw new UsageError(`${expires} is no day: write one such as 2030-01-31`);
  const { manifest, baseline, baselinePath } = await loadTarget(options.target);
  if (manifest.baseline === undefined)
    throw new UsageError(`${options.target} names no baseline: add "baseline: ./conformance-baseline.yaml"`);
  const report = buildReport(await readJournal(join(options.output, journalFile)));
  const { entries, added, removed } = updateBaseline(baseline, report, {
    reason,
    ...(expires === undefined ? {} : { expires }),
  });
  await writeFile(baselinePath, renderBaseline(entries));
  stdout.write(`${baselinePath}: ${entries.length} entries, ${added} new, ${removed} gone\n`);
  return exitCode.met;
}
