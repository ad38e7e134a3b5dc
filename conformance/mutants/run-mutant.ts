import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Case } from "../suite/cases/define-case.js";
import type { Manifest } from "../suite/manifest/manifest.js";
import type { Cell } from "../suite/plan/cell.js";
import type { CellResult } from "../suite/run/cell-result.js";
import { isWithoutTarget, runCells } from "../suite/run/run-cells.js";
import { nowMs } from "../suite/time.js";
import { type CaseJudgement, hasFailedCheck, judgeKill, judgeSpare } from "./judge-case.js";
import type { MutantPlan, Originals } from "./plan-mutant.js";

/** What became of one mutant. */
export interface MutantReport {
  readonly id: string;
  readonly title: string;
  readonly original: keyof Originals;
  /** Found out by each case that has to, and by none of the others. */
  readonly ok: boolean;
  /** Why nothing can be said of it: it does not start, say. */
  readonly problem?: string;
  readonly cases: readonly CaseJudgement[];
  /** With the start of the target. */
  readonly durationMs: number;
}

export interface RunMutantOptions {
  readonly cases: readonly Case[];
  /** The path of the module with those cases, for the process that runs them. */
  readonly suite: string;
  readonly originals: Originals;
  /** What the original's manifest names of the environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** How many cases at once, of those that do not disturb each other. */
const width = 4;

/**
 * Starts the mutant and judges it by the cases of its plan. First each case runs once; what has not found the mutant out that way runs in all its
 * wires and orders, of which one has to.
 */
export async function runMutant(plan: MutantPlan, options: RunMutantOptions): Promise<MutantReport> {
  const startedMs = nowMs();
  const { fault, original, kills, spares, unknown } = plan;
  if (unknown.length > 0)
    return reportOf(plan, { problem: `no case is called ${unknown.join(" or ")}`, cases: [] }, startedMs);
  const results: CellResult[] = [];
  const of = ({ id }: Case): CellResult[] => results.filter(({ cell }) => cell.caseId === id);
  const folder = await mkdtemp(join(tmpdir(), `mutant-${fault.id}-`));
  try {
    const edits = join(folder, "edits.json");
    await writeFile(edits, JSON.stringify(fault.edits));
    const manifest = mutantOf(options.originals[original], edits);
    const run = (cells: readonly Cell[]): Promise<void> =>
      runCells(cells, {
        ...options,
        env: { ...process.env, ...options.env },
        manifest,
        width,
        onBegun: () => undefined,
        onFinished: (result) => void results.push(result),
      });
    const isFound = (kill: (typeof kills)[number]): boolean =>
      of(kill.case).some((result) => hasFailedCheck(kill, result));
    await run([...kills, ...spares].flatMap(({ cells }) => cells.slice(0, 1)));
    const others = kills.filter((kill) => !isFound(kill)).flatMap(({ cells }) => cells.slice(1));
    if (others.length > 0 && !results.some(isWithoutTarget)) await run(others);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const unreached = results.find(isWithoutTarget);
  if (unreached !== undefined)
    return reportOf(plan, { problem: `it does not start: ${unreached.message ?? ""}`, cases: [] }, startedMs);
  const cases = [
    ...kills.map((kill) => judgeKill(kill, of(kill.case))),
    ...spares.map((spare) => judgeSpare(spare, of(spare.case))),
  ];
  return reportOf(plan, { cases }, startedMs);
}

function reportOf(
  { fault: { id, title }, original }: MutantPlan,
  judged: Pick<MutantReport, "problem" | "cases">,
  startedMs: number,
): MutantReport {
  const { problem, cases } = judged;
  const ok =
    problem === undefined && cases.every(({ outcome }) => outcome === "killed" || outcome === "spared");
  return { id, title, original, ok, ...judged, durationMs: Math.round(nowMs() - startedMs) };
}

const hook = new URL("hook/register.js", import.meta.url).href;

/** The manifest of a target whose replicas load their source with the edits of a file. */
function mutantOf(original: Manifest, edits: string): Manifest {
  const { launch } = original;
  if (launch === undefined) throw new Error("a mutant is made of a target that the suite starts");
  const [node = "", ...args] = launch.command;
  return {
    ...original,
    launch: {
      ...launch,
      // Before the loader that turns TypeScript into JavaScript.
      command: [node, "--import", hook, ...args],
      env: { ...launch.env, MUTANT_EDITS: edits },
    },
  };
}
