import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { repetitionsFor } from "../baseline/baseline.js";
import { type JournalHeader, JournalWriter, readJournal } from "../journal/journal.js";
import { type Planned, planRun } from "../plan/plan.js";
import { unlocksOf } from "../plan/unlocks.js";
import { ConsoleProgress, writeSummary } from "../report/console.js";
import { renderJson } from "../report/json.js";
import { buildReport } from "../report/report.js";
import type { ExitCode } from "../report/verdict.js";
import { writeReports } from "../report/write-reports.js";
import { runCells } from "../run/run-cells.js";
import { nowMs, today } from "../time.js";
import { type LoadedTarget, loadReachableTarget, requireMatches } from "./load.js";
import type { Surroundings } from "./surroundings.js";

export const journalFile = "results.jsonl";

export interface RunOptions {
  readonly target: string;
  readonly output: string;
  readonly seed?: string;
  readonly repeat: number;
  readonly width: number;
  readonly json?: true;
}

/** Runs cases, writes results as they come, and all reports at the end. */
export async function run(
  patterns: readonly string[],
  options: RunOptions,
  { stdout, stderr, env, cases, suite, signal }: Surroundings,
): Promise<ExitCode> {
  requireMatches(cases, patterns);
  const loaded = await loadReachableTarget(options.target);
  const seed = options.seed ?? randomBytes(4).toString("hex");
  const repetitionsOf = (id: string): number => Math.max(options.repeat, repetitionsFor(loaded.baseline, id));
  const plan = planRun(cases, loaded.manifest, { patterns, seed, repetitionsOf });
  const cells = plan.flatMap((planned) => (planned.kind === "run" ? planned.cells : []));
  const knownCases = cases.map(({ id }) => id);

  const path = join(options.output, journalFile);
  const startedMs = nowMs();
  {
    using journal = new JournalWriter(
      path,
      headerOf(plan, loaded, { seed, manifestPath: options.target, knownCases }),
    );
    // Standard output is for the report when that is wanted as JSON.
    const progress = new ConsoleProgress(options.json === true ? stderr : stdout, env, progressOf(plan));
    await runCells(cells, {
      suite,
      cases,
      manifest: loaded.manifest,
      width: options.width,
      signal,
      onBegun: ({ key, caseId }) => {
        journal.begun(key);
        progress.begun(key, caseId);
      },
      onFinished: (result) => {
        journal.finished(result);
        progress.finished(result);
      },
    });
    progress.close();
    if (!signal.aborted) journal.ended(Math.round(nowMs() - startedMs));
  }

  const report = buildReport(await readJournal(path));
  await writeReports(report, options.output);
  if (options.json === true) {
    stdout.write(renderJson(report));
  } else {
    writeSummary(report, stdout, env);
    stdout.write(`reports: ${join(options.output, "report.html")}\n`);
  }
  return report.exit_code;
}

interface HeaderFacts {
  readonly seed: string;
  readonly manifestPath: string;
  readonly knownCases: readonly string[];
}

export function headerOf(
  plan: readonly Planned[],
  { manifest, baseline }: Pick<LoadedTarget, "manifest" | "baseline">,
  { seed, manifestPath, knownCases }: HeaderFacts,
): JournalHeader {
  return {
    type: "run",
    startedAt: today().toISOString(),
    manifestPath,
    implementation: manifest.implementation,
    claims: manifest.claims,
    seed,
    cases: plan.map((planned) => {
      const { id, title, level, rules, profile, mutant } = planned.case;
      const shared = { id, title, level, rules, profile, mutant, kind: planned.kind };
      return planned.kind === "run"
        ? { ...shared, cells: planned.cells.map(({ key }) => key) }
        : { ...shared, why: planned.why, cells: [] };
    }),
    unlocks: unlocksOf(plan, manifest),
    baseline,
    knownCases,
  };
}

function progressOf(plan: readonly Planned[]): { id: string; cells: number }[] {
  return plan.flatMap((planned) =>
    planned.kind === "run" ? [{ id: planned.case.id, cells: planned.cells.length }] : [],
  );
}
