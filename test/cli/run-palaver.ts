import { PassThrough } from "node:stream";
import { runCli } from "../../src/cli/program.js";
import { type Clock, systemClock, systemRandom } from "../../src/platform/index.js";

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** What is piped in; the input of a terminal when absent. */
  readonly stdin?: string;
  /** Whether the outputs are a terminal. */
  readonly terminal?: boolean;
  readonly clock?: Clock;
}

/** A command that runs in this process, with everything around it controlled by the test. */
export interface RunningPalaver {
  readonly exitCode: Promise<number>;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Types at the terminal. */
  type(text: string): void;
  /** Ctrl-C. */
  interrupt(): void;
  /** SIGTERM. */
  terminate(): void;
}

export function startPalaver(args: readonly string[], options: RunOptions = {}): RunningPalaver {
  const { env = {}, stdin, terminal = false, clock = systemClock } = options;
  const input = Object.assign(new PassThrough(), { isTTY: stdin === undefined });
  if (stdin !== undefined) input.end(stdin);
  const out = captured(terminal);
  const err = captured(terminal);
  const interrupts = new Set<() => void>();
  const terminations = new Set<() => void>();
  const exitCode = runCli(args, {
    env: { NO_COLOR: "1", HOME: "/nonexistent", ...env },
    stdin: input,
    stdout: out.stream,
    stderr: err.stream,
    clock,
    random: systemRandom,
    onInterrupt: listenOn(interrupts),
    onTerminate: listenOn(terminations),
    exitNow: () => undefined,
    outliveReaders: () => undefined,
  });
  return {
    exitCode,
    stdout: out.text,
    stderr: err.text,
    type: (text) => void input.write(text),
    interrupt: () => interrupts.forEach((callback) => callback()),
    terminate: () => terminations.forEach((callback) => callback()),
  };
}

/** Runs a command to its end. */
export async function runPalaver(
  args: readonly string[],
  options: RunOptions = {},
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const run = startPalaver(args, options);
  const exitCode = await run.exitCode;
  return { exitCode, stdout: run.stdout(), stderr: run.stderr() };
}

function captured(isTTY: boolean) {
  let text = "";
  const stream = new PassThrough();
  stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return { stream: Object.assign(stream, { isTTY, columns: 80 }), text: () => text };
}

function listenOn(listeners: Set<() => void>): (callback: () => void) => Disposable {
  return (callback) => {
    listeners.add(callback);
    return { [Symbol.dispose]: () => void listeners.delete(callback) };
  };
}
