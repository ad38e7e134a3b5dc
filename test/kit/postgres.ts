import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";

export { startPostgres } from "./postgres-server.js";

/** An empty database of one test. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** Removes the database; connections that are still open are cut. May be called again. */
  readonly drop: () => Promise<void>;
}

/** Creates an empty database with a name of its own on the server that the tests of this run share. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = inject("postgresUrl");
  const name = `${inject("databasePrefix")}${randomBytes(8).toString("hex")}`;
  await execute(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const drop = (): Promise<void> => execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  return { url: url.href, drop, [Symbol.asyncDispose]: drop };
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
