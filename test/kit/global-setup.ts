import type { TestProject } from "vitest/node";
import { findOpenssl } from "./certificates.js";
import { findChromium } from "./chromium.js";
import { compileSources } from "./compiled-sources.js";
import { installPackage } from "./debian-packages.js";
import { type PostgresServer, startPostgres } from "./postgres-server.js";
import { ensure, ensureServers } from "./test-programs.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The URL of the Postgres server that the tests of this run share. Use createTestDatabase() instead. */
    postgresUrl: string;
  }
}

let server: PostgresServer | undefined;
let compiled: AsyncDisposable | undefined;

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
  compiled = await compileSources();
  provide("postgresUrl", server?.url ?? given);
}

export async function teardown(): Promise<void> {
  await server?.stop();
  await compiled?.[Symbol.asyncDispose]();
}
