// `npm run conformance:mutants`: judges the conformance suite by Palaver with one thing wrong at a time. Starts Postgres and NATS for that.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { allFaults } from "../conformance/mutants/all-faults.js";
import type { Fault } from "../conformance/mutants/fault.js";
import { mutantLines, mutantSummary } from "../conformance/mutants/mutant-table.js";
import { pickFaults } from "../conformance/mutants/pick-faults.js";
import { type Originals, planMutant } from "../conformance/mutants/plan-mutant.js";
import { type MutantReport, runMutant } from "../conformance/mutants/run-mutant.js";
import { cases } from "../conformance/suite/cases/all-cases.js";
import { manifestSchema } from "../conformance/suite/manifest/manifest.js";
import { readYaml } from "../conformance/suite/manifest/read-yaml.js";
import { UsageError } from "../conformance/suite/usage-error.js";
import {
  type ReferenceSurroundings,
  startReferenceSurroundings,
} from "../test/kit/reference-surroundings.js";

const help = `Usage: npm run conformance:mutants [-- <id>... [options]]

Starts each mutant and runs the cases that have to find it out, and some that must not notice.

  --width <n>        how many mutants at once; 1 when not given
  --shard <i>/<n>    the i-th of n parts of them
  --sample <n>       some of them, by chance
  --seed <seed>      of that chance, and of the cases'
  --json             print the judgements as JSON; the table goes to standard error

Ends with 0 when each mutant is found out by a failed check of each case that it names, and by nothing else; with 1 otherwise.
`;

const folder = new URL("../conformance/", import.meta.url);
const suite = fileURLToPath(new URL("suite/run/suite.ts", folder));
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
process.once("SIGTERM", () => interrupted.abort());

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  return 2;
});

async function main(args: string[]): Promise<number> {
  const { values, positionals } = argumentsIn(args);
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const width = Number(values.width);
  if (!Number.isSafeInteger(width) || width < 1) throw new UsageError(`${values.width} is no width`);
  const faults = pickFaults(await allFaults(), { ...values, ids: positionals });
  const table = values.json ? process.stderr : process.stdout;
  const reports = await runAll(faults, values.seed, width, (report) => table.write(mutantLines(report)));
  table.write(`\n${mutantSummary(reports)}`);
  if (values.json) process.stdout.write(`${JSON.stringify(reports, undefined, 2)}\n`);
  if (interrupted.signal.aborted) return 130;
  return reports.length > 0 && reports.every(({ ok }) => ok) ? 0 : 1;
}

function argumentsIn(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        width: { type: "string", default: "1" },
        shard: { type: "string" },
        sample: { type: "string" },
        seed: { type: "string", default: "mutants" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${help}`);
  }
}

/** In the order in which they are finished. */
async function runAll(
  faults: readonly Fault[],
  seed: string,
  width: number,
  onReport: (report: MutantReport) => void,
): Promise<MutantReport[]> {
  const originals: Originals = {
    single: await manifest("target.single.yaml"),
    reference: await manifest("target.reference.yaml"),
  };
  const { signal } = interrupted;
  const waiting = faults.map((fault) => planMutant(fault, cases, originals, seed));
  const reports: MutantReport[] = [];
  // Started with the first mutant that is a cluster.
  let shared: Promise<ReferenceSurroundings> | undefined;
  const lane = async (): Promise<void> => {
    for (let plan = waiting.shift(); plan !== undefined && !signal.aborted; plan = waiting.shift()) {
      await using own =
        plan.original === "single"
          ? undefined
          : await (await (shared ??= startReferenceSurroundings())).another();
      const report = await runMutant(plan, { cases, suite, originals, env: own?.env ?? {}, signal });
      // What was broken off says nothing.
      if (interrupted.signal.aborted) return;
      reports.push(report);
      onReport(report);
    }
  };
  try {
    await Promise.all(Array.from({ length: width }, lane));
  } finally {
    await (await shared)?.[Symbol.asyncDispose]();
  }
  return reports;
}

function manifest(name: string) {
  return readYaml(fileURLToPath(new URL(name, folder)), manifestSchema);
}
