import { Command, CommanderError } from "commander";
import { version } from "../version.js";
import { addChatCommand } from "./chat-command.js";
import type { AddCommand, CommandContext } from "./command.js";
import { addConformanceCommand } from "./conformance-command.js";
import { addDoctorCommand } from "./doctor-command.js";
import { type ExitCode, exitCode } from "./exit-code.js";
import { addExportCommand } from "./export-command.js";
import { addImportCommand } from "./import-command.js";
import { addLsCommand } from "./ls-command.js";
import { addMigrateCommand } from "./migrate-command.js";
import { addParseRowsCommand } from "./parse-rows-command.js";
import { addQueueCommand } from "./queue-command.js";
import { addReplicasCommand } from "./replicas-command.js";
import { formatReport, reportOf } from "./report-error.js";
import { addSendCommand } from "./send-command.js";
import { addServeCommand } from "./serve-command.js";
import { addShowCommand } from "./show-command.js";
import { addStopCommand } from "./stop-command.js";
import { addTailCommand } from "./tail-command.js";
import { colorsFor, type Surroundings } from "./terminal.js";
import { addTokenCommand } from "./token-command.js";

/**
 * Runs the `palaver` command with the arguments that follow its name. Never throws: failures are printed to standard error, in two
 * lines at most but for lists of variables; what the process should exit with is returned.
 */
export async function runCli(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const { stderr, env } = surroundings;
  let code: ExitCode = exitCode.ok;
  const context: CommandContext = { ...surroundings, finish: (finished) => (code = finished) };
  try {
    await createProgram(context).parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    // Commander has printed what was asked for or what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
    const report = reportOf(error);
    stderr.write(`${colorsFor(stderr, env).red("error:")} ${formatReport(report)}`);
    if (env["PALAVER_DEBUG"] === "1") stderr.write(`${stackOf(error)}\n`);
    return report.exitCode;
  }
}

const commands: readonly AddCommand[] = [
  addServeCommand,
  addChatCommand,
  addLsCommand,
  addShowCommand,
  addTailCommand,
  addSendCommand,
  addStopCommand,
  addQueueCommand,
  addExportCommand,
  addImportCommand,
  addParseRowsCommand,
  addTokenCommand,
  addMigrateCommand,
  addReplicasCommand,
  addDoctorCommand,
  addConformanceCommand,
];

function createProgram(context: CommandContext): Command {
  const { stdout, stderr } = context;
  const program = new Command("palaver")
    .description("A durable chat backend for AI agents: the server, and a client for the terminal.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print what there is to know about a command")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
    })
    .showHelpAfterError("(--help says more)")
    .addHelpText("after", help);
  for (const add of commands) add(program, context);
  return program;
}

const help = `
Examples:
  palaver serve                 run a server with an embedded database and an offline model
  palaver chat "hello"          talk with it
  palaver doctor                find out what is wrong

Exit codes:
  0    done
  1    the server refused or failed, or there was no whole answer
  2    the command line or the configuration is wrong
  3    no server answered
  130  Ctrl-C

PALAVER_URL and PALAVER_TOKEN say which server, and as whom. docs/configuration.md describes all variables.
`;

function stackOf(error: unknown): string {
  const lines: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    lines.push(cause.stack ?? cause.message);
  return lines.join("\ncaused by: ");
}
