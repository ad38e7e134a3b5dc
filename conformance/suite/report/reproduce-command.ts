import { extname } from "node:path";
import type { Cell } from "../plan/cell.js";

/** How the suite is started: in its repository, or from the package. */
export const program = extname(import.meta.url) === ".ts" ? "npm run conformance --" : "palaver conformance";

/** The command that runs one cell again, to be pasted into a shell. */
export function reproduceCommand({ caseId, wire, order, seed }: Cell, manifestPath: string): string {
  const options = ["--target", manifestPath, "--wire", wire, "--seed", seed];
  if (order.length > 0) options.push("--order", order.join(","));
  return [program, "replay", caseId, ...options.map(quoted)].join(" ");
}

function quoted(word: string): string {
  return /^[\w./:,+=@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
