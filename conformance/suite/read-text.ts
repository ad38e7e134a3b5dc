import { readFile } from "node:fs/promises";
import { UsageError } from "./usage-error.js";

/** @throws {UsageError} when the file cannot be read; `advice` says what to do then */
export async function readText(path: string, advice: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`${path} cannot be read (${code ?? message}): ${advice}`);
  }
}
