import type { Case } from "../cases/define-case.js";
import type { Manifest } from "../manifest/manifest.js";
import type { Cell } from "../plan/cell.js";
import { after, nowMs } from "../time.js";
import type { CellResult } from "./cell-result.js";
import { startWorker, TargetUnreachable, type WorkerProcess } from "./worker-process.js";

/** How much longer than its limit a run may go unheard of: time to release what it holds, and to start again what it has ended. */
const graceMs = 90_000;

const unreachable = "the target could not be reached";

/** Whether the case did not even begin, because there was no target. */
export function isWithoutTarget({ status, message }: CellResult): boolean {
  return status === "not_verified" && message?.startsWith(unreachable) === true;
}

export interface RunCellsOptions {
  /** The path of the module that exports `cases` and `openTarget`. */
  readonly suite: string;
  readonly cases: readonly Case[];
  readonly manifest: Manifest;
  /** Of the process that runs cases, which resolves the manifest's names of variables. Default: this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** How many runs may go on at once, of cases that do not disturb each other. */
  readonly width: number;
  /** Instead of the grace period, for tests. */
  readonly graceMs?: number;
  /** Also of runs that pass. */
  readonly keepsTimelines?: boolean;
  readonly signal?: AbortSignal;
  readonly onBegun: (cell: Cell) => void;
  /** Called once for each cell, as soon as it is finished, unless the signal ends the run before. */
  readonly onFinished: (result: CellResult) => void;
}

/**
 * Runs all cells in another process. When that dies or goes silent, it is replaced; the runs that were going on are repeated one by one,
 * so that the one at fault is found, and only that one is an error.
 */
export async function runCells(cells: readonly Cell[], options: RunCellsOptions): Promise<void> {
  const caseOf = new Map(options.cases.map((each) => [each.id, each]));
  const isExclusive = ({ caseId }: Cell): boolean => caseOf.get(caseId)?.isExclusive ?? true;
  let together = cells.filter((cell) => !isExclusive(cell));
  let alone = cells.filter(isExclusive);
  const isAborted = (): boolean => options.signal?.aborted === true;
  try {
    while (together.length > 0 && !isAborted()) {
      const rest = await runBatch(together, options.width, options, caseOf);
      together = rest.waiting;
      alone = [...rest.suspects, ...alone];
    }
    while (alone.length > 0 && !isAborted()) alone = (await runBatch(alone, 1, options, caseOf)).waiting;
  } catch (error) {
    if (!(error instanceof TargetUnreachable)) throw error;
    for (const cell of [...together, ...alone])
      options.onFinished(unfinished(cell, "not_verified", `${unreachable}: ${error.message}`));
  }
}

interface Rest {
  /** Not begun. */
  readonly waiting: Cell[];
  /** Going on when the process died, and not known to be innocent. */
  readonly suspects: Cell[];
}

/** Runs cells in one process, until all are finished or the process is of no use any more. */
async function runBatch(
  cells: readonly Cell[],
  width: number,
  options: RunCellsOptions,
  caseOf: ReadonlyMap<string, Case>,
): Promise<Rest> {
  const waiting = [...cells];
  const running = new Map<
    string,
    { readonly cell: Cell; readonly startedMs: number; readonly limit: Disposable }
  >();
  let finish: (death: string | undefined) => void = () => undefined;
  const over = new Promise<string | undefined>((resolve) => (finish = resolve));
  let isTainted = false;
  let worker: WorkerProcess | undefined;

  const fill = (): void => {
    while (worker !== undefined && running.size < width && !isTainted && options.signal?.aborted !== true) {
      const cell = waiting.shift();
      if (cell === undefined) break;
      const limitMs = (caseOf.get(cell.caseId)?.limitMs ?? 0) + (options.graceMs ?? graceMs);
      const limit = after(limitMs, () => worker?.kill(`it was silent for ${limitMs} ms`));
      running.set(cell.key, { cell, startedMs: nowMs(), limit });
      options.onBegun(cell);
      worker.run(cell, { keepsTimeline: options.keepsTimelines ?? false });
    }
    if (running.size === 0) finish(undefined);
  };
  const kill = (): void => worker?.kill("the run was ended");
  options.signal?.addEventListener("abort", kill, { once: true });
  try {
    worker = await startWorker(options.suite, options.manifest, options.env, {
      onFinished: ({ result, goesOn }) => {
        running.get(result.cell.key)?.limit[Symbol.dispose]();
        running.delete(result.cell.key);
        options.onFinished(result);
        if (goesOn) isTainted = true;
        fill();
      },
      onDeath: (how) => finish(how),
    });
    fill();
    const death = await over;
    const cut = [...running.values()];
    for (const { limit } of cut) limit[Symbol.dispose]();
    if (death === undefined || options.signal?.aborted === true) return { waiting, suspects: [] };
    const [only, ...others] = cut;
    if (only === undefined || others.length > 0) return { waiting, suspects: cut.map(({ cell }) => cell) };
    const message = `the case ended the process that ran it: ${death}`;
    options.onFinished(unfinished(only.cell, "error", message, Math.round(nowMs() - only.startedMs)));
    return { waiting, suspects: [] };
  } finally {
    options.signal?.removeEventListener("abort", kill);
    await worker?.[Symbol.asyncDispose]();
  }
}

function unfinished(
  cell: Cell,
  status: "error" | "not_verified",
  message: string,
  durationMs = 0,
): CellResult {
  return { cell, status, message, checks: [], timeline: [], durationMs };
}
