import { Command, CommanderError, InvalidArgumentError } from "commander";
import { program as programName } from "../report/reproduce-command.js";
import { exitCode, type ExitCode } from "../report/verdict.js";
import { errorText } from "../run/shown.js";
import { UsageError } from "../usage-error.js";
import { type BaselineOptions, updateBaselineFile } from "./baseline-command.js";
import { doctor, type DoctorOptions } from "./doctor-command.js";
import { explain } from "./explain-command.js";
import { list, type ListOptions } from "./list-command.js";
import { replay, type ReplayOptions } from "./replay-command.js";
import { report, type ReportOptions } from "./report-command.js";
import { run, type RunOptions } from "./run-command.js";
import type { Surroundings } from "./surroundings.js";

/** Runs the suite's command with the arguments after its name. Never throws; returns what the process should end with. */
export async function runCommand(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let code: ExitCode = exitCode.met;
  try {
    const program = createProgram(surroundings, (finished) => (code = finished));
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.met : exitCode.usage;
    if (error instanceof UsageError) {
      surroundings.stderr.write(`${error.message}\n`);
      return exitCode.usage;
    }
    surroundings.stderr.write(`the suite failed: ${errorText(error)}\n`);
    if (error instanceof Error) surroundings.stderr.write(`${error.stack ?? ""}\n`);
    return exitCode.suiteError;
  }
}

const defaultManifest = "target.yaml";
const defaultOutput = "conformance-report";

function createProgram(surroundings: Surroundings, finish: (code: ExitCode) => void): Command {
  const { stdout, stderr } = surroundings;
  const program = new Command("conformance")
    .usage("[command] [options]")
    .description("Judges an implementation of the Palaver protocol from outside.")
    .helpOption("-h, --help", "print what there is to know about a command")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
    })
    .addHelpText("after", help);

  withTarget(program.command("doctor"))
    .description("find out whether a target is as its manifest says, before anything is judged")
    .option("--json", "print JSON")
    .action(async (options: DoctorOptions) => finish(await doctor(options, surroundings)));
  withTarget(program.command("run"))
    .description("run cases, and write reports")
    .argument("[cases...]", "groups, ids, or either with *; all when none is named")
    .option("--output <folder>", "where results and reports go", defaultOutput)
    .option("--seed <seed>", "of everything that is left to chance; a new one when not given")
    .option("--repeat <n>", "run everything this often", wholeNumber, 1)
    .option("--width <n>", "how many cases at once, of those that do not disturb each other", wholeNumber, 4)
    .option("--json", "print the report as JSON; progress goes to standard error")
    .action(async (patterns: string[], options: RunOptions) =>
      finish(await run(patterns, options, surroundings)),
    );
  withTarget(program.command("replay"))
    .description("run one case once more, as a report says, and show all of it")
    .argument("<case>", "its id")
    .option("--seed <seed>", "the seed of that run")
    .option("--wire <wire>", "the wire of that run; the first that is claimed when not given")
    .option("--order <gates>", "the order of its gates, with commas")
    .option("--json", "print the report as JSON")
    .action(async (id: string, options: ReplayOptions) => finish(await replay(id, options, surroundings)));
  program
    .command("list")
    .description("list cases")
    .argument("[cases...]", "groups, ids, or either with *; all when none is named")
    .option("--target <file>", "say what would become of each with this target")
    .option("--json", "print JSON")
    .action(async (patterns: string[], options: ListOptions) =>
      finish(await list(patterns, options, surroundings)),
    );
  program
    .command("explain")
    .description("say what a rule asks for, or what a case does")
    .argument("<case or rule>", "such as RELAY-3")
    .option("--json", "print JSON")
    .action((name: string, options: { json?: true }) => finish(explain(name, options, surroundings)));
  program
    .command("report")
    .description("make the reports of a run anew, also of one that was broken off")
    .option("--output <folder>", "where its results are", defaultOutput)
    .option("--json", "print the report as JSON")
    .action(async (options: ReportOptions) => finish(await report(options, surroundings)));
  withTarget(program.command("baseline").description("known failures").command("update"))
    .description("make what the last run found the known failures")
    .option("--output <folder>", "where its results are", defaultOutput)
    .requiredOption("--reason <text>", "of new entries: why, or where that is discussed")
    .option("--expires <day>", "the last day on which new entries hold")
    .action(async (options: BaselineOptions) => finish(await updateBaselineFile(options, surroundings)));
  return program;
}

function withTarget(command: Command): Command {
  return command.option("--target <file>", "the manifest of the target", defaultManifest);
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1 || number > 1_000)
    throw new InvalidArgumentError("expected a whole number from 1 to 1000");
  return number;
}

const help = `
Examples:
  ${programName} doctor --target target.yaml
  ${programName} list --target target.yaml
  ${programName} run relay-stale 'resume/*'
  ${programName} explain RELAY-3

Exit codes:
  0  all claims are met, but for what the baseline knows
  1  a claimed requirement failed, or the baseline is not true any more
  2  the command line, the manifest or the baseline is wrong
  3  inconclusive: something could not be verified, or nothing was run
  4  the suite itself failed
`;
