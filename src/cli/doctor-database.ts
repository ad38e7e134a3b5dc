import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import { type Config, describeDatabase } from "../config/index.js";
import { migrationStatus, StoreError } from "../store/index.js";
import type { Finding } from "./doctor-finding.js";
import { openDatabase } from "./open-database.js";
import { reportOf } from "./report-error.js";

/** Whether the database can be used, and is up to date. Creates nothing. */
export async function checkDatabase(config: Config, serverAnswers: boolean): Promise<Finding[]> {
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
