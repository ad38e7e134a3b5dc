import { createClient } from "@connectrpc/connect";
import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import { type Config, describeConfig, describeDatabase, formatListenAddress } from "../config/index.js";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../gen/grpc/health/v1/health_pb.js";
import { PalaverError } from "../protocol/index.js";
import { probeNats } from "../bus/index.js";
import { migrationStatus, StoreError } from "../store/index.js";
import { version } from "../version.js";
import type { CommandContext } from "./command.js";
import { clientAccess } from "./client-options.js";
import { connect } from "./connection.js";
import { type ExitCode, exitCode } from "./exit-code.js";
import { configFor, type DatabaseOptions, openDatabase } from "./open-database.js";
import { reportOf } from "./report-error.js";
import { colorsFor, writeJsonLine } from "./terminal.js";
import { safeText } from "./terminal-text.js";

export interface DoctorOptions extends DatabaseOptions {
  readonly url?: string;
  readonly json?: true;
}

/** The outcome of one check. */
export interface Finding {
  readonly check: string;
  /** A note needs no action: something is off, and may well be meant to be. */
  readonly status: "ok" | "note" | "failed";
  readonly detail: string;
  /** What to do. */
  readonly advice?: string | undefined;
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
    for (const found of await checkDatabase(config, server.status === "ok")) tell(found);
    const nats = await checkNats(config);
    if (nats !== undefined) tell(nats);
    if (options.json !== true) {
      stdout.write("\nConfiguration in effect:\n");
      for (const { name, value } of describeConfig(config))
        stdout.write(`  ${name.padEnd(33)} ${colors.dim(safeText(value))}\n`);
    }
  }
  return findings.some(({ status }) => status === "failed") ? exitCode.failed : exitCode.ok;
}

/** What package.json asks for under "engines". */
const oldestNode = [20, 19] as const;

export function checkNode(current: string): Finding {
  const [major = 0, minor = 0] = current.split(".").map(Number);
  const isEnough = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  if (isEnough) return { check: "Node.js", status: "ok", detail: current };
  return {
    check: "Node.js",
    status: "failed",
    detail: current,
    advice: `Version ${oldestNode.join(".")} or newer is needed.`,
  };
}

function checkConfiguration(
  context: CommandContext,
  options: DoctorOptions,
): { finding: Finding; config?: Config } {
  const check = "configuration";
  try {
    return { finding: { check, status: "ok", detail: "valid" }, config: configFor(context, options) };
  } catch (error) {
    if (!PalaverError.is(error)) throw error;
    return {
      finding: {
        check,
        status: "failed",
        detail: error.message,
        advice: "docs/configuration.md describes all variables.",
      },
    };
  }
}

async function checkModel(config: Config, { clock }: CommandContext): Promise<Finding> {
  const check = "default model";
  const { defaultModel } = config.models;
  // On demand: the composition root brings everything with it.
  const { openModels } = await import("../replica.js");
  try {
    openModels(config, clock);
  } catch (error) {
    return { check, status: "failed", detail: reportOf(error).message };
  }
  if (!defaultModel.startsWith("scripted/"))
    return { check, status: "ok", detail: `${defaultModel} (the key is set; the provider was not asked)` };
  const advice = "For a real model, set a provider's key and PALAVER_MODEL.";
  return { check, status: "ok", detail: `${defaultModel} (offline: it recites a script)`, advice };
}

/** Whether a server answers. That none does matters only where somebody has said where it should be. */
async function checkServer(
  context: CommandContext,
  options: DoctorOptions,
  config: Config,
): Promise<Finding> {
  const check = "server";
  const { named, target } = serverToCheck(context, options, config);
  try {
    using connection = connect(clientAccess(context, { url: target }));
    const { status } = await createClient(Health, connection.transport).check({}, { timeoutMs: 5_000 });
    if (status === ServingStatus.SERVING) return { check, status: "ok", detail: `${target} is serving` };
    return {
      check,
      status: "note",
      detail: `${target} answers, and does not take calls: it is starting or stopping`,
    };
  } catch (error) {
    const { message, advice } = reportOf(error, target);
    return { check, status: named ? "failed" : "note", detail: message, advice };
  }
}

/** The server to talk to, and whether somebody named it. */
function serverToCheck(
  { env }: CommandContext,
  { url }: DoctorOptions,
  config: Config,
): { named: boolean; target: string } {
  const given = url ?? env["PALAVER_URL"] ?? "";
  return given === ""
    ? { named: false, target: `http://${formatListenAddress(config.listen)}` }
    : { named: true, target: given };
}

/** Whether the server takes PALAVER_TOKEN. Undefined when there is none. */
async function checkToken(
  context: CommandContext,
  options: DoctorOptions,
  config: Config,
): Promise<Finding | undefined> {
  const check = "token";
  const { target } = serverToCheck(context, options, config);
  const access = clientAccess(context, { url: target });
  if (access.token === undefined) return undefined;
  try {
    using connection = connect(access);
    await connection.chats.listChats({ pageSize: 1 }, { timeoutMs: 5_000 });
    return { check, status: "ok", detail: `${target} takes PALAVER_TOKEN` };
  } catch (error) {
    const { message, reason, advice } = reportOf(error, target);
    return { check, status: "failed", detail: `PALAVER_TOKEN: ${message} [${reason}]`, advice };
  }
}

async function checkDatabase(config: Config, serverAnswers: boolean): Promise<Finding[]> {
  const check = "database";
  const where = describeDatabase(config.database);
  const dataDir = config.database.kind === "pglite" ? await checkFolder(config.database.folder) : undefined;
  // Opening the embedded database would create it.
  if (dataDir !== undefined && (dataDir.status === "failed" || !dataDir.exists)) return [dataDir.finding];
  const findings = dataDir === undefined ? [] : [dataDir.finding];
  try {
    await using database = await openDatabase(config);
    const { applied, pending, current } = await migrationStatus(database);
    const odd = applied.find(({ changed }) => changed)?.name;
    if (odd !== undefined) {
      const advice = "Restore the file and put the change into a new migration.";
      return [
        ...findings,
        {
          check,
          status: "failed",
          detail: `${where}: migration ${odd} was edited after it was applied`,
          advice,
        },
      ];
    }
    if (pending.length > 0) {
      const advice = "The server applies them when it starts; `npx palaver migrate` does so now.";
      return [
        ...findings,
        { check, status: "note", detail: `${where}: ${pending.length} migrations to apply`, advice },
      ];
    }
    return [...findings, { check, status: "ok", detail: `${where}, at migration ${current}` }];
  } catch (error) {
    const { message, advice } = reportOf(error);
    if (error instanceof StoreError && error.reason === "DATA_DIR_IN_USE") {
      // Normally by the server, which then has it in order.
      const detail = serverAnswers ? `${where}: in use by the server` : message;
      return [...findings, { check, status: serverAnswers ? "ok" : "note", detail }];
    }
    return [...findings, { check, status: "failed", detail: `${where}: ${message}`, advice }];
  }
}

/** Whether NATS can be used as configured. Undefined without NATS. */
async function checkNats({ bus, database }: Config): Promise<Finding | undefined> {
  if (bus.kind === "local") return undefined;
  const check = "NATS";
  const where = bus.servers.join(", ");
  try {
    const { version: natsVersion, jetStream } = await probeNats(bus);
    if (!jetStream) {
      const detail = `${where}: JetStream is not enabled, or this user may not use it`;
      return {
        check,
        status: "failed",
        detail,
        advice: "Start nats-server with -js, and allow what docs/architecture.md names.",
      };
    }
    const detail = `${where}, version ${natsVersion}, with JetStream`;
    if (database.kind === "postgres") return { check, status: "ok", detail };
    const advice = "It is for several replicas, and the embedded database serves one: set DATABASE_URL.";
    return { check, status: "note", detail, advice };
  } catch (error) {
    const { message, reason, advice } = reportOf(error);
    return { check, status: "failed", detail: `${message} [${reason}]`, advice };
  }
}

async function checkFolder(
  folder: string,
): Promise<{ finding: Finding; status: Finding["status"]; exists: boolean }> {
  const check = "data folder";
  const exists = await isThere(folder);
  // What does not exist is created, if the nearest folder above it allows.
  let nearest = folder;
  while (!(await isThere(nearest)) && nearest !== dirname(nearest)) nearest = dirname(nearest);
  const finding = await access(nearest, constants.W_OK | constants.X_OK).then(
    (): Finding => ({
      check,
      status: "ok",
      detail: exists ? folder : `${folder} does not exist yet; the first start creates it`,
    }),
    (): Finding => ({
      check,
      status: "failed",
      detail: `${nearest} is not writable`,
      advice: "Set PALAVER_DATA_DIR to a folder of yours.",
    }),
  );
  return { finding, status: finding.status, exists };
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
