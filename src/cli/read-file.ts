import { readFile } from "node:fs/promises";
import { CliError } from "./cli-error.js";
import { type Input, readAll } from "./terminal.js";

/** The text of a file, or of standard input for `-`. @throws CliError FILE_UNREADABLE */
export async function readTextFile(path: string, stdin: Input): Promise<string> {
  try {
    if (path === "-") return await readAll(stdin);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    throw new CliError(`Cannot read ${fileName(path)}: ${whyUnreadable(error)}.`, {
      reason: "FILE_UNREADABLE",
      cause: error,
    });
  }
}

function whyUnreadable(error: unknown): string {
  if (error instanceof TypeError) return "it is not UTF-8";
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" ? "there is no such file" : (code ?? "unknown failure");
}

/** A file that is there and does not hold what it should. */
export function invalidFile(path: string, what: string, advice?: string): CliError {
  return new CliError(`${fileName(path)}: ${what}.`, { reason: "INVALID_FILE", advice });
}

function fileName(path: string): string {
  return path === "-" ? "standard input" : path;
}

/** The lines of a text that are not blank, with their numbers from 1. */
export function numberedLines(text: string): { readonly number: number; readonly line: string }[] {
  return text
    .split("\n")
    .map((line, index) => ({ number: index + 1, line: line.trim() }))
    .filter(({ line }) => line !== "");
}
