import { randomBytes } from "node:crypto";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { findOpenssl } from "./certificates.js";
import { findChromium } from "./chromium.js";
import { compileSources } from "./compiled-sources.js";
import { installPackage } from "./debian-packages.js";
import { ensurePgliteTemplate } from "./pglite-template.js";
import { type PostgresServer, startPostgres } from "./postgres-server.js";
import { ensure, ensureServers } from "./test-programs.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The URL of the Postgres server that the tests of this run share. Use createTestDatabase() instead. */
    postgresUrl: string;
    /** What the names of this run's databases begin with. */
    databasePrefix: string;
  }
}

let server: PostgresServer | undefined;
let compiled: AsyncDisposable | undefined;
let dropDatabases: (() => Promise<void>) | undefined;

/**
 * Installs the programs that are missing, where that may be done and while nobody else does, and starts what all tests of a run share: one
 * Postgres server, unless TEST_DATABASE_URL names one. What cannot be had the tests that need it say. Compiles what processes run.
 */
export async function setup({ provide }: TestProject): Promise<void> {
  const given = process.env["TEST_DATABASE_URL"] ?? "";
  await ensureServers();
  await ensure(findOpenssl, () => installPackage("openssl"));
  await ensure(findChromium, () => installPackage("chromium"));
  if (given === "") server = await startPostgres();
  [compiled] = await Promise.all([compileSources(), ensurePgliteTemplate()]);
  provide("postgresUrl", server?.url ?? given);
  const prefix = `palaver_test_${randomBytes(4).toString("hex")}_`;
  provide("databasePrefix", prefix);
  if (given !== "") dropDatabases = () => dropAll(given, prefix);
}

export async function teardown(): Promise<void> {
  await dropDatabases?.();
  await server?.stop();
  await compiled?.[Symbol.asyncDispose]();
}

/** What tests left on a server that stays. */
async function dropAll(url: string, prefix: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const left = await client.query<{ datname: string }>(
      "select datname from pg_database where starts_with(datname, $1)",
      [prefix],
    );
    for (const { datname } of left.rows)
      await client.query(`drop database if exists ${datname} with (force)`);
  } finally {
    await client.end();
  }
}
