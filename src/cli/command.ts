import type { Command } from "commander";
import type { ExitCode } from "./exit-code.js";
import type { Surroundings } from "./terminal.js";

/** What a command is given when it is added to the program. */
export interface CommandContext extends Surroundings {
  /** Says what the process will exit with when the command has ended. 0 unless called. */
  finish(code: ExitCode): void;
}

/** Adds one command to the program. */
export type AddCommand = (program: Command, context: CommandContext) => void;

/** Examples for the end of a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((text) => `  ${text}\n`).join("")}`;
}
