import type { TestProject } from "vitest/node";
import { natsProgram } from "./nats-programs.js";
import { type PostgresServer, startPostgres } from "./postgres-server.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The URL of the Postgres server that the tests of this run share. Use createTestDatabase() instead. */
    postgresUrl: string;
  }
}

let server: PostgresServer | undefined;

/** Starts what all tests of a run share: one Postgres server, unless TEST_DATABASE_URL names one. */
export async function setup({ provide }: TestProject): Promise<void> {
  const given = process.env["TEST_DATABASE_URL"];
  if (given === undefined || given === "") server = await startPostgres();
  // Here nobody else installs it at the same time. Where it cannot be had, the tests that need it say so.
  await natsProgram().catch(() => undefined);
  provide("postgresUrl", server?.url ?? given ?? "");
}

export async function teardown(): Promise<void> {
  await server?.stop();
}
