// The conformance suite's command: palaver conformance --help, or in its repository npm run conformance -- --help
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { cases } from "./suite/cases/all-cases.js";
import { runCommand } from "./suite/cli/program.js";

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());

process.exitCode = await runCommand(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cases,
  suite: fileURLToPath(new URL(`suite/run/suite${extname(import.meta.url)}`, import.meta.url)),
  signal: interrupted.signal,
});
