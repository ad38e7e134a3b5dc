import type { TestProject } from "vitest/node";
import { findOpenssl } from "./certificates.js";
import { findChromium } from "./chromium.js";
import { canInstallPackages, installPackage } from "./debian-packages.js";
import { findNats } from "./nats-programs.js";
import { findPostgres, installPostgres } from "./postgres-programs.js";
import { type PostgresServer, startPostgres } from "./postgres-server.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The URL of the Postgres server that the tests of this run share. Use createTestDatabase() instead. */
    postgresUrl: string;
  }
}

let server: PostgresServer | undefined;

/**
 * Installs the programs that are missing, where that may be done and while nobody else does, and starts what all tests of a run share: one
 * Postgres server, unless TEST_DATABASE_URL names one. What cannot be had the tests that need it say.
 */
export async function setup({ provide }: TestProject): Promise<void> {
  const given = process.env["TEST_DATABASE_URL"] ?? "";
  if (given === "") await ensure(findPostgres, installPostgres);
  await ensure(findNats, () => installPackage("nats-server"));
  await ensure(findOpenssl, () => installPackage("openssl"));
  await ensure(findChromium, () => installPackage("chromium"));
  if (given === "") server = await startPostgres();
  provide("postgresUrl", server?.url ?? given);
}

async function ensure(find: () => Promise<unknown>, install: () => Promise<void>): Promise<void> {
  try {
    if ((await find()) === undefined && (await canInstallPackages())) await install();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
}

export async function teardown(): Promise<void> {
  await server?.stop();
}
