import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { extname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Manifest } from "../manifest/manifest.js";
import type { Cell } from "../plan/cell.js";
import { after, outcomeWithin } from "../time.js";
import type { FromWorker, ToWorker } from "./worker-messages.js";

/** How long a target has to become ready, and to be left again. */
const openLimitMs = 120_000;
const closeLimitMs = 15_000;

const maxStderrLength = 8 * 1024;

export interface WorkerListener {
  onFinished(message: Extract<FromWorker, { type: "finished" }>): void;
  /** The process is gone. Called once, unless it was asked to leave. */
  onDeath(how: string): void;
}

/** A process that runs cases, with a target of its own. */
export interface WorkerProcess extends AsyncDisposable {
  run(cell: Cell, options: { readonly keepsTimeline: boolean }): void;
  /** Ends the process now, whatever it does; the listener hears of it. */
  kill(why: string): void;
}

/** Why there is no target, or no process to reach it with. */
export class TargetUnreachable extends Error {
  override readonly name = "TargetUnreachable";
}

/**
 * Starts a process and opens the target in it.
 *
 * @param suite the path of the module with the cases
 * @param env of the process; undefined: this process's own
 * @throws {TargetUnreachable}
 */
export async function startWorker(
  suite: string,
  manifest: Manifest,
  env: NodeJS.ProcessEnv | undefined,
  listener: WorkerListener,
): Promise<WorkerProcess> {
  const child = fork(fileURLToPath(new URL(`worker${extname(import.meta.url)}`, import.meta.url)), [], {
    execArgv: loaderArguments(),
    env: env ?? process.env,
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-maxStderrLength);
  });
  const send = (message: ToWorker): void => {
    if (child.connected) child.send(message);
  };
  let killedFor: string | undefined;
  const kill = (why: string): void => {
    killedFor ??= why;
    child.kill("SIGKILL");
  };
  const gone = endOf(child).then((how) => {
    const said = stderr.trim() === "" ? "" : `: ${stderr.trim()}`;
    return killedFor ?? `its process ended with ${how}${said}`;
  });
  let isLeaving = false;
  const leave = async (): Promise<void> => {
    isLeaving = true;
    if (child.connected) child.disconnect();
    using _limit = after(closeLimitMs, () => kill("it did not let go of the target"));
    await gone;
  };

  send({ type: "open", suite: pathToFileURL(suite).href, manifest });
  const first = await firstMessage(child, gone, () => kill("the target was not ready in time"));
  if (first.type !== "opened") {
    await leave();
    throw new TargetUnreachable(first.type === "unreachable" ? first.message : "the process is confused");
  }
  child.on("message", (message: FromWorker) => {
    if (message.type === "finished") listener.onFinished(message);
  });
  void gone.then((how) => {
    if (!isLeaving) listener.onDeath(how);
  });
  return {
    run: (cell, options) => send({ type: "run", cell, ...options }),
    kill,
    [Symbol.asyncDispose]: leave,
  };
}

async function firstMessage(
  child: ChildProcess,
  gone: Promise<string>,
  giveUp: () => void,
): Promise<FromWorker> {
  using _limit = after(openLimitMs, giveUp);
  return await Promise.race([
    new Promise<FromWorker>((resolve) => child.once("message", (message) => resolve(message as FromWorker))),
    gone.then((how) => {
      throw new TargetUnreachable(how);
    }),
  ]);
}

/** How it has ended, once all that it said is here. Node tells no `close` of a child that its parent has let go of. */
async function endOf(child: ChildProcess): Promise<string> {
  const said = new Promise<void>((resolve) => child.stderr?.once("close", () => resolve()));
  const how = await new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `code ${code ?? "none"}`));
  });
  // What the case has started may hold the other end of the pipe for as long as it likes.
  await outcomeWithin(said, 1_000);
  return how;
}

/** What makes Node read TypeScript, where this is TypeScript. */
function loaderArguments(): string[] {
  const own = process.execArgv.filter((argument) => !argument.startsWith("--inspect"));
  if (extname(import.meta.url) !== ".ts" || own.some((argument) => argument.includes("tsx"))) return own;
  const loader = createRequire(import.meta.url).resolve("tsx");
  return [...own, "--import", pathToFileURL(loader).href];
}
