import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { AddCommand, CommandContext } from "./command.js";
import { exitCode, type ExitCode } from "./exit-code.js";

export const addConformanceCommand: AddCommand = (program, context) => {
  program
    .command("conformance")
    .description("judge an implementation of the protocol, in any language, from outside")
    .argument("[arguments...]", "of the suite; `palaver conformance --help` lists them")
    // They are the suite's, --help included.
    .allowUnknownOption()
    .helpOption(false)
    .action(async (args: readonly string[]) => context.finish(await runSuite(args, context)));
};

/**
 * Runs the conformance suite, a program of its own that shares no code with what it judges: this room may not import it. It has the terminal to
 * itself, and its exit codes are passed on as they are: its --help says what they mean.
 */
async function runSuite(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  const compiled = fileURLToPath(new URL("../conformance/main.js", import.meta.url));
  const source = fileURLToPath(new URL("../../conformance/main.ts", import.meta.url));
  const program = existsSync(compiled) ? [compiled] : ["--import", "tsx", source];
  const child = spawn(process.execPath, [...program, ...args], { env: context.env, stdio: "inherit" });
  // Ctrl-C reaches the suite as well, which ends what it has begun.
  using _interrupt = context.onInterrupt(() => undefined);
  using _terminate = context.onTerminate(() => void child.kill("SIGTERM"));
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  if (signal === "SIGINT") return exitCode.interrupted;
  return Object.values(exitCode).find((known) => known === code) ?? exitCode.suiteFailed;
}
