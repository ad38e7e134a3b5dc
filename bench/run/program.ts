import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { root } from "../kit/child.js";
import { Surroundings } from "../kit/surroundings.js";
import { type BenchCase, type BenchRun, Unavailable } from "./bench-case.js";
import { type Result, summarize } from "./result.js";
import { columns, markdownTable, row, table } from "./table.js";

/** A command that measures some of its cases, or all. */
export interface Program {
  /** As it is called, such as `npm run bench --`. */
  readonly name: string;
  readonly description: string;
  /** What its cases are, in the plural, and how they are named. */
  readonly cases: string;
  readonly example: string;
  readonly all: readonly BenchCase[];
  readonly quick: string;
  readonly help: string;
}

interface Options {
  readonly quick?: true;
  readonly json?: string;
  readonly markdown?: string;
  readonly rounds?: number;
  readonly list?: true;
  readonly build: boolean;
  readonly cpuProf?: string;
}

/** Longer than any case takes, also on a slow machine. */
const stuckMs = 20 * 60_000;

/** Does what the command line says. The exit code tells whether all that was asked for could be measured: how it did is told, not judged. */
export async function runProgram(program: Program): Promise<void> {
  const { name, description, cases, example, all, quick, help } = program;
  const command = new Command(name)
    .description(description)
    .argument(`[${cases}...]`, `the ${cases} to measure, such as ${example} (default: all)`)
    .option("--quick", `a short round of each: ${quick}`)
    .option("--json <file>", "write the results there too")
    .option("--markdown <file>", "write the table there too, as Markdown")
    .option("--rounds <n>", "how often each side is measured (default: 4; quick: 1)", positive)
    .option("--list", `list the ${cases}`)
    .option("--no-build", "measure dist/ as it is")
    .option("--cpu-prof <folder>", "write a CPU profile of each server under test into that folder")
    .addHelpText("after", `\n${help}`)
    .action(async (ids: readonly string[], options: Options) => {
      if (options.list === true) {
        const width = Math.max(...all.map(({ id }) => id.length)) + 2;
        for (const { id, title } of all) console.log(`${id.padEnd(width)}${title}`);
        return;
      }
      const known = new Map(all.map((each) => [each.id.toUpperCase(), each]));
      const unknown = ids.filter((id) => !known.has(id.toUpperCase()));
      if (unknown.length > 0) command.error(`none of the ${cases}: ${unknown.join(" ")} (see --list)`);
      const wanted = new Set(ids.map((id) => known.get(id.toUpperCase())));
      const chosen = all.filter((each) => wanted.size === 0 || wanted.has(each));
      if (options.build && !isBuilt()) command.error("the build failed (--no-build measures an earlier one)");
      const isWhole = await measure(chosen, { ...options, named: wanted.size > 0 });
      process.exitCode = isWhole ? 0 : 1;
    });
  await command.parseAsync();
}

async function measure(
  chosen: readonly BenchCase[],
  options: Options & { readonly named: boolean },
): Promise<boolean> {
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
    rounds: { count: options.rounds ?? (quick ? 1 : 4), warmUp: !quick },
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
  const missing: string[] = [];
  for (const { id, title, run } of chosen) {
    const beganMs = performance.now();
    console.error(`${id} ${title}`);
    const stuck = setTimeout(() => giveUp(id), stuckMs);
    try {
      await run(bench);
    } catch (error) {
      if (error instanceof Unavailable) missing.push(`${id} (${error.message})`);
      else failed.push(id);
      console.error(error instanceof Unavailable ? `  not measured: ${error.message}` : error);
    }
    clearTimeout(stuck);
    console.error(`  (${((performance.now() - beganMs) / 1_000).toFixed(1)} s)`);
  }
  console.log(`\n${table([columns, ...results.map(row)])}`);
  if (quick) console.log("\nA quick run says that everything works, not how fast it is.");
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(results, null, 2)}\n`);
  if (options.markdown !== undefined)
    await writeFile(options.markdown, `${markdownTable([columns, ...results.map(row)])}\n`);
  if (failed.length + missing.length > 0)
    console.error(`\nnot measured: ${[...failed, ...missing].join(", ")}`);
  return failed.length === 0 && (missing.length === 0 || !options.named);
}

/** What it waits for does not come; what it started ends with this process. */
function giveUp(id: string): void {
  console.error(`${id} does not end: given up after ${stuckMs / 60_000} minutes`);
  process.exit(1);
}

function isBuilt(): boolean {
  return spawnSync(process.execPath, ["scripts/build.js"], { cwd: root, stdio: "inherit" }).status === 0;
}

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError("a number from 1 on");
  return number;
}
