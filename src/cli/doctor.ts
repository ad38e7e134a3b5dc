import { describeConfig } from "../config/index.js";
import { version } from "../version.js";
import type { CommandContext } from "./command.js";
import { checkConfiguration, checkModel } from "./doctor-configuration.js";
import { checkDatabase } from "./doctor-database.js";
import type { Finding } from "./doctor-finding.js";
import { checkNats } from "./doctor-nats.js";
import { checkNode } from "./doctor-node.js";
import { checkReplicas } from "./doctor-replicas.js";
import { checkServer, checkToken } from "./doctor-server.js";
import { type ExitCode, exitCode } from "./exit-code.js";
import type { DatabaseOptions } from "./open-database.js";
import { colorsFor, writeJsonLine } from "./terminal.js";
import { safeText } from "./terminal-text.js";

export interface DoctorOptions extends DatabaseOptions {
  readonly url?: string;
  readonly json?: true;
}

/** Runs all checks and prints them. Exits with 1 when one has failed. */
export async function examine(context: CommandContext, options: DoctorOptions): Promise<ExitCode> {
  const { stdout, env } = context;
  const colors = colorsFor(stdout, env);
  const marks = { ok: colors.green("✓"), note: colors.yellow("•"), failed: colors.red("✗") };
  const findings: Finding[] = [];
  const tell = (finding: Finding): void => {
    findings.push(finding);
    if (options.json === true) return writeJsonLine(stdout, finding);
    const { check, status, detail, advice } = finding;
    stdout.write(`${marks[status]} ${check.padEnd(14)} ${safeText(detail)}\n`);
    if (advice !== undefined) stdout.write(`  ${" ".repeat(14)} ${colors.dim(advice)}\n`);
  };

  if (options.json !== true) stdout.write(`Palaver ${version}\n\n`);
  tell(checkNode(process.versions.node));
  const { finding, config } = checkConfiguration(context, options);
  tell(finding);
  if (config !== undefined) {
    tell(await checkModel(config, context));
    const server = await checkServer(context, options, config);
    tell(server);
    const token = server.status === "ok" ? await checkToken(context, options, config) : undefined;
    if (token !== undefined) tell(token);
    const database = await checkDatabase(config, server.status === "ok");
    for (const found of database) tell(found);
    const nats = await checkNats(config);
    if (nats !== undefined) tell(nats);
    if (database.every(({ status }) => status === "ok"))
      for (const found of await checkReplicas(config, context.clock)) tell(found);
    if (options.json !== true) {
      stdout.write("\nConfiguration in effect:\n");
      for (const { name, value } of describeConfig(config))
        stdout.write(`  ${name.padEnd(33)} ${colors.dim(safeText(value))}\n`);
    }
  }
  return findings.some(({ status }) => status === "failed") ? exitCode.failed : exitCode.ok;
}
