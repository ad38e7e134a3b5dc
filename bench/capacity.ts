// `npm run bench:capacity -- results.json`: what fleets need, by what the bench measured.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import * as z from "zod";
import { benchFileSchema, measuredOf, rowsUsed } from "./capacity/measured.js";
import { documentPath, referencePath, replaceBlock } from "./capacity/document.js";
import {
  breaksFirst,
  capacityOf,
  fleetRows,
  limitRows,
  markdownOf,
  measuredRows,
} from "./capacity/report.js";
import { workloadFlags, workloadSchema } from "./capacity/workload.js";
import { root } from "./kit/child.js";
import { table } from "./run/table.js";

const optionsSchema = z.object({
  subscribers: z.array(z.coerce.number().pipe(z.int().min(1))),
  json: z.boolean().default(false),
  markdown: z.boolean().default(false),
  document: z.boolean().default(false),
});

const program = new Command("npm run bench:capacity --")
  .description("tells what fleets need, by the results that `npm run bench -- --json` wrote")
  .argument("<results>")
  .option("--subscribers <n...>", "sizes of fleets", ["1000", "100000", "1000000"])
  .option("--json", "everything, as JSON; null is without end")
  .option("--markdown", "as tables of Markdown")
  .option(
    "--document",
    "brings docs/capacity.md up to date, and keeps the results it needs beside the model",
  );
for (const { flag, about, default: standard } of workloadFlags)
  program.option(flag, `${about} (default: ${standard})`);
await program
  .addHelpText("after", "\nWhat it means: docs/capacity.md")
  .action(async (file: string, given: Record<string, unknown>) => {
    await main(file, given).catch((error: unknown) => {
      const text = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
      program.error(text);
    });
  })
  .parseAsync();

async function main(file: string, given: Record<string, unknown>): Promise<void> {
  const options = optionsSchema.parse(given);
  const results = benchFileSchema.parse(JSON.parse(await readFile(file, "utf8")));
  const numbers = workloadFlags.flatMap(({ key }) =>
    given[key] === undefined ? [] : [[key, Number(given[key])] as const],
  );
  if (options.document && (numbers.length > 0 || program.getOptionValueSource("subscribers") !== "default"))
    throw new Error("--document takes no other numbers: the page has the defaults");
  const workload = workloadSchema.parse(Object.fromEntries(numbers));
  const report = capacityOf(measuredOf(results), workload, options.subscribers);
  if (options.document) {
    const page = join(root, documentPath);
    await writeFile(page, replaceBlock(await readFile(page, "utf8"), markdownOf(report)));
    await writeFile(join(root, referencePath), `${JSON.stringify(rowsUsed(results), null, 2)}\n`);
  }
  if (options.json) console.log(JSON.stringify(report, null, 2));
  else if (options.markdown) console.log(markdownOf(report));
  else {
    const tables = [measuredRows(report), fleetRows(report), limitRows(report)].map((rows) =>
      table(rows.map((cells) => cells.map((cell) => cell.replaceAll("*", "")))),
    );
    console.log([...tables, breaksFirst(report)].join("\n\n"));
  }
}
