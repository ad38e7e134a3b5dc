import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

export interface ProgramOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** All of its environment but the PATH, which is ours unless this says otherwise. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
}

/** How a program has ended: with a code, or by a signal. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that runs beside this one, and ends with it, however this one ends. */
export interface Program extends AsyncDisposable {
  /** The program's own: no shell stands between. */
  readonly pid: number;
  /** Resolves when it has ended and all its output is here. */
  readonly ended: Promise<ProgramEnd>;
  /** What it has written to standard error, the last 256 KiB. */
  readonly stderr: string;
  /**
   * What the first line on standard output says, which is JSON. May be asked for once.
   *
   * @throws when the program ends without it, or does not write it in time; with what it wrote to standard error
   */
  firstLine(deadlineMs?: number): Promise<unknown>;
  /** Lets it write to standard output what it likes: nobody reads that. */
  ignoreOutput(): void;
  /** Ends it, and what it has started, at once, as a crash would. Resolves when it has ended. */
  kill(): Promise<ProgramEnd>;
  /** Asks it to end. Resolves when it has. */
  terminate(): Promise<ProgramEnd>;
  /** Lets neither it nor what it has started do anything until {@link Program.continue}. Resolves when it stands still. */
  stop(): Promise<void>;
  continue(): void;
}

// Waits for a word on stdin, so that nothing runs before the guard does, and becomes the program.
const STARTER = 'read -r _ || exit; exec "$@" </dev/null';

// Waits for the word that the program has ended. If stdin ends without it, whoever held the other end is dead, also by SIGKILL: then the
// program's process group goes too.
const GUARD = 'read -r _ || kill -s KILL -- "-$0"';

const maxStderrLength = 256 * 1024;

/** Starts a program in a process group of its own: what ends us with Ctrl-C reaches it through us alone. */
export function startProgram({ command, env = {}, cwd }: ProgramOptions): Program {
  const { PATH = "" } = process.env;
  const child = spawn("/bin/sh", ["-c", STARTER, "sh", ...command], {
    cwd,
    env: { PATH, ...env },
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`no process could be made for ${command.join(" ")}`);
  const guard = spawn("/bin/sh", ["-c", GUARD, String(pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // Either may be gone when it is told something.
  for (const stdin of [child.stdin, guard.stdin]) stdin.on("error", () => undefined);
  child.stdin.end("go\n");

  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-maxStderrLength);
  });
  const ended = endOf(child, guard.stdin);
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  /** To everything in its group; what has ended is left alone, for its number may be another's by now. */
  const signalAll = (signal: NodeJS.Signals): void => {
    if (!isOver()) signalGroup(pid, signal);
  };
  const kill = async (): Promise<ProgramEnd> => {
    signalAll("SIGKILL");
    return ended;
  };

  return {
    pid,
    ended,
    get stderr() {
      return stderr;
    },
    firstLine: async (deadlineMs = 60_000) => {
      const line = await readFirstLine(child.stdout, ended, deadlineMs);
      if (line !== undefined) return JSON.parse(line) as unknown;
      throw new Error(`${command.join(" ")} ended or was silent before it was ready: ${stderr}`);
    },
    ignoreOutput: () => void child.stdout.resume(),
    kill,
    terminate: async () => {
      // To the program alone: what it has started is its own business, and launchers pass signals on.
      child.kill("SIGTERM");
      return ended;
    },
    stop: async () => {
      signalAll("SIGSTOP");
      await standsStill(pid);
    },
    continue: () => signalAll("SIGCONT"),
    [Symbol.asyncDispose]: async () => {
      await kill();
    },
  };
}

async function endOf(child: ChildProcess, guard: Writable): Promise<ProgramEnd> {
  const closed = once(child, "close");
  await once(child, "exit");
  guard.end("over\n");
  const [code, signal] = (await closed) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function readFirstLine(
  stdout: Readable,
  ended: Promise<unknown>,
  deadlineMs: number,
): Promise<string | undefined> {
  const lines = createInterface({ input: stdout });
  let deadline: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      once(lines, "line").then(([line]) => line as string),
      ended.then(() => undefined),
      new Promise<undefined>((resolve) => (deadline = setTimeout(resolve, deadlineMs, undefined))),
    ]);
  } finally {
    clearTimeout(deadline);
    lines.close();
    // The rest is nobody's, and must not fill the pipe.
    stdout.resume();
  }
}

/** A signal takes effect some time after it was sent. Where there is no /proc, sending it has to do. */
async function standsStill(pid: number): Promise<void> {
  if (!existsSync("/proc/self/task")) return;
  for (;;) {
    const states = await threadStates(pid);
    if (states.every((state) => "TtZX".includes(state))) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function threadStates(pid: number): Promise<string[]> {
  try {
    const threads = await readdir(`/proc/${pid}/task`);
    const stats = await Promise.all(
      threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, "utf8")),
    );
    // The name before the state may contain anything, also a parenthesis.
    return stats.map((stat) => stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "");
  } catch (error) {
    // The program or a thread has just ended.
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}
