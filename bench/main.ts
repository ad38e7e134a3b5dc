// `npm run bench`: measures the server that was built against the floors, bar by bar.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { allCases } from "./cases/all-cases.js";
import { root } from "./kit/child.js";
import { Surroundings } from "./kit/surroundings.js";
import type { BenchCase, BenchRun } from "./run/bench-case.js";
import { type Result, summarize } from "./run/result.js";
import { columns, row, table } from "./run/table.js";

interface Options {
  readonly quick?: true;
  readonly json?: string;
  readonly rounds?: number;
  readonly list?: true;
  readonly build: boolean;
  readonly cpuProf?: string;
}

/** Longer than any bar takes, also on a slow machine. */
const stuckMs = 20 * 60_000;

const program = new Command("npm run bench --")
  .description("measures Palaver against the fastest thing that could carry the same bytes")
  .argument("[bars...]", "the bars to measure, such as P1 P2 (default: all)")
  .option("--quick", "short rounds, and two of each: a smoke test of under 3 minutes, no measurement")
  .option("--json <file>", "write the results there too")
  .option("--rounds <n>", "how often each side is measured (default: 4; quick: 2)", positive)
  .option("--list", "list the bars")
  .option("--no-build", "measure dist/ as it is")
  .option("--cpu-prof <folder>", "write a CPU profile of each server under test into that folder")
  .addHelpText("after", "\nWhat each number means: bench/README.md")
  .action(main);
await program.parseAsync();

async function main(ids: readonly string[], options: Options): Promise<void> {
  if (options.list === true) {
    for (const { id, title } of allCases) console.log(`${id.padEnd(5)}${title}`);
    return;
  }
  const unknown = ids.filter((id) => allCases.every((known) => known.id !== id.toUpperCase()));
  if (unknown.length > 0) program.error(`no such bar: ${unknown.join(" ")} (see --list)`);
  const wanted = new Set(ids.map((id) => id.toUpperCase()));
  const chosen = allCases.filter(({ id }) => wanted.size === 0 || wanted.has(id));
  if (options.build) build();
  process.exitCode = (await measure(chosen, options)) ? 0 : 1;
}

/** Whether all of it could be measured: how it did is told, not judged. */
async function measure(chosen: readonly BenchCase[], options: Options): Promise<boolean> {
  const quick = options.quick === true;
  const folder = mkdtempSync(join(tmpdir(), "palaver-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  // Everything that was started ends with this process.
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)
    process.once(signal, () => process.exit(code));
  await using surroundings = new Surroundings();

  const results: Result[] = [];
  const bench: BenchRun = {
    quick,
    rounds: options.rounds ?? (quick ? 2 : 4),
    pick: (whole, short) => (quick ? short : whole),
    createDatabase: () => surroundings.createDatabase(),
    natsUrl: () => surroundings.natsUrl(),
    folder,
    serverNodeOptions:
      options.cpuProf === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${options.cpuProf}`],
    report: (measured) => {
      const result = summarize(measured);
      results.push(result);
      console.error(
        `  ${row(result)
          .slice(1)
          .filter((cell) => cell !== "")
          .join("  ")}`,
      );
    },
  };

  const failed: string[] = [];
  for (const { id, title, run } of chosen) {
    const beganMs = performance.now();
    console.error(`${id} ${title}`);
    const stuck = setTimeout(() => giveUp(id), stuckMs);
    try {
      await run(bench);
    } catch (error) {
      failed.push(id);
      console.error(error);
    }
    clearTimeout(stuck);
    console.error(`  (${((performance.now() - beganMs) / 1_000).toFixed(1)} s)`);
  }
  console.log(`\n${table([columns, ...results.map(row)])}`);
  if (quick) console.log("\nA quick run says that everything works, not how fast it is.");
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(results, null, 2)}\n`);
  if (failed.length > 0) console.error(`\nnot measured: ${failed.join(", ")}`);
  return failed.length === 0;
}

/** What it waits for does not come; what it started ends with this process. */
function giveUp(id: string): void {
  console.error(`${id} does not end: given up after ${stuckMs / 60_000} minutes`);
  process.exit(1);
}

function build(): void {
  const { status } = spawnSync(process.execPath, ["scripts/build.js"], { cwd: root, stdio: "inherit" });
  if (status !== 0) program.error("the build failed (--no-build measures what was built before)");
}

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError("a number from 1 on");
  return number;
}
