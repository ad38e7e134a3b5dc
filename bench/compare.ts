// `npm run bench:compare -- a.json b.json`: what moved from one run to another.
import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { compareResults, resultsSchema } from "./run/compare.js";
import type { Result } from "./run/result.js";

await new Command("npm run bench:compare --")
  .description("prints what moved between two files that `npm run bench -- --json` wrote")
  .argument("<before>")
  .argument("<after>")
  .action(async (before: string, after: string) => {
    console.log(compareResults(await readResults(before), await readResults(after)));
  })
  .parseAsync();

async function readResults(file: string): Promise<readonly Result[]> {
  return resultsSchema.parse(JSON.parse(await readFile(file, "utf8")));
}
