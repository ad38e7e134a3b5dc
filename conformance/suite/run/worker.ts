// The process that runs cases. It is one of its own so that nothing a case does, be it a loop without end or a crash, takes a result
// along: its parent watches it, and has everything that was finished.
import type { Case } from "../cases/define-case.js";
import type { Manifest } from "../manifest/manifest.js";
import { runCell } from "./run-cell.js";
import { errorText } from "./shown.js";
import type { OpenTarget, Target } from "./target.js";
import type { FromWorker, ToWorker } from "./worker-messages.js";

/** What a module has to export to be run as a suite. */
interface Suite {
  readonly cases: readonly Case[];
  readonly openTarget: OpenTarget;
}

interface Stage {
  readonly suite: Suite;
  readonly target: Target;
  readonly manifest: Manifest;
}

let stage: Stage | undefined;

async function open(path: string, manifest: Manifest): Promise<void> {
  const suite = (await import(path)) as Suite;
  try {
    stage = { suite, target: await suite.openTarget(manifest), manifest };
    tell({ type: "opened" });
  } catch (error) {
    tell({ type: "unreachable", message: errorText(error) });
  }
}

async function run({ cell, keepsTimeline }: Extract<ToWorker, { type: "run" }>): Promise<void> {
  if (stage === undefined) throw new Error("a case was to run before there was a target");
  const { suite, target, manifest } = stage;
  const each = suite.cases.find(({ id }) => id === cell.caseId);
  if (each === undefined) throw new Error(`there is no case ${cell.caseId}`);
  tell({ type: "finished", ...(await runCell(each, cell, target, manifest, { keepsTimeline })) });
}

function tell(message: FromWorker): void {
  process.send?.(message);
}

// A promise that nobody holds ends the process, as an exception does: whoever caused it, the parent finds out.
process.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "open":
      void open(message.suite, message.manifest);
      break;
    case "run":
      void run(message);
      break;
    default:
      message satisfies never;
  }
});
// The parent is done, or dead.
process.on("disconnect", () => {
  void (async () => {
    await stage?.target[Symbol.asyncDispose]();
    process.exit(0);
  })();
});
