import { canInstallPackages, installPackage } from "./debian-packages.js";
import { findNats } from "./nats-programs.js";
import { findPostgres, installPostgres } from "./postgres-programs.js";

/** Installs the servers that are missing, where that may be done. What cannot be had whoever starts it says. */
export async function ensureServers(): Promise<void> {
  if ((process.env["TEST_DATABASE_URL"] ?? "") === "") await ensure(findPostgres, installPostgres);
  await ensure(findNats, () => installPackage("nats-server"));
}

/** Installs a program that is missing, where that may be done. Says why it cannot be had, and goes on. */
export async function ensure(find: () => Promise<unknown>, install: () => Promise<void>): Promise<void> {
  try {
    if ((await find()) === undefined && (await canInstallPackages())) await install();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
}
