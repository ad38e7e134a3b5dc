import { randomBytes } from "node:crypto";
import { type Wire, wires } from "../cases/vocabulary.js";
import type { Journal } from "../journal/journal.js";
import { cellKey, planRun } from "../plan/plan.js";
import { writeSummary } from "../report/console.js";
import { entryLine } from "../report/failure-text.js";
import { renderJson } from "../report/json.js";
import { buildReport } from "../report/report.js";
import type { ExitCode } from "../report/verdict.js";
import type { CellResult } from "../run/cell-result.js";
import { runCells } from "../run/run-cells.js";
import { nowMs } from "../time.js";
import { UsageError } from "../usage-error.js";
import { loadReachableTarget, requireCase } from "./load.js";
import { headerOf } from "./run-command.js";
import type { Surroundings } from "./surroundings.js";

export interface ReplayOptions {
  readonly target: string;
  readonly seed?: string;
  readonly wire?: string;
  readonly order?: string;
  readonly json?: true;
}

/** Runs one cell again, and shows all of it. No files are written: the reports of the whole run stay as they are. */
export async function replay(
  caseId: string,
  options: ReplayOptions,
  { stdout, env, cases, suite, signal }: Surroundings,
): Promise<ExitCode> {
  const each = requireCase(cases, caseId);
  const { manifest } = await loadReachableTarget(options.target);
  const wire = wireOf(options.wire) ?? manifest.claims.wires[0];
  if (wire === undefined || !manifest.claims.wires.includes(wire))
    throw new UsageError(`the target does not claim ${String(wire)}: name another --wire`);
  const order = options.order?.split(",") ?? each.gates;
  if ([...order].sort().join() !== [...each.gates].sort().join())
    throw new UsageError(
      `--order has to name each gate of the case once: ${each.gates.join(",") || "it has none"}`,
    );

  const seed = options.seed ?? randomBytes(4).toString("hex");
  const [planned] = planRun([each], manifest, { patterns: [], seed, repetitionsOf: () => 1 });
  if (planned === undefined || planned.kind !== "run")
    throw new UsageError(`${caseId} does not run: ${planned?.why ?? ""}`);
  const cell = { key: cellKey(caseId, wire, order, 0), caseId, wire, order, repetition: 0, seed };
  const results: CellResult[] = [];
  const startedMs = nowMs();
  await runCells([cell], {
    suite,
    cases,
    manifest,
    width: 1,
    keepsTimelines: true,
    signal,
    onBegun: () => undefined,
    onFinished: (result) => void results.push(result),
  });
  const header = headerOf(
    [{ ...planned, cells: [cell] }],
    { manifest, baseline: [] },
    {
      seed,
      manifestPath: options.target,
      knownCases: [],
    },
  );
  const durationMs = signal.aborted ? undefined : Math.round(nowMs() - startedMs);
  const journal: Journal = { header, results, begun: new Set([cell.key]), durationMs };
  const report = buildReport(journal);
  if (options.json === true) stdout.write(renderJson(report));
  else {
    for (const { timeline } of results) for (const entry of timeline) stdout.write(`${entryLine(entry)}\n`);
    writeSummary(report, stdout, env);
  }
  return report.exit_code;
}

function wireOf(text: string | undefined): Wire | undefined {
  const wire = wires.find((each) => each === text);
  if (text !== undefined && wire === undefined)
    throw new UsageError(`${text} is no wire: write one of ${wires.join(", ")}`);
  return wire;
}
