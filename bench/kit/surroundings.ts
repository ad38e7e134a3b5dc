import { randomBytes } from "node:crypto";
import pg from "pg";
import { startNats } from "../../test/kit/nats-server.js";
import { startPostgres } from "../../test/kit/postgres-server.js";
import { ensureServers } from "../../test/kit/test-programs.js";
import { Resources } from "../run/resources.js";

/** The servers that a run needs: each is started when it is asked for first. */
export class Surroundings implements AsyncDisposable {
  readonly #resources = new Resources();
  #postgres: Promise<string> | undefined;
  #nats: Promise<string> | undefined;

  // The one that TEST_DATABASE_URL names, or one of this run's own, which does not wait for the disk.
  #postgresUrl(): Promise<string> {
    return (this.#postgres ??= (async () => {
      const given = process.env["TEST_DATABASE_URL"] ?? "";
      if (given !== "") return given;
      await ensureServers();
      return this.#resources.use(await startPostgres()).url;
    })());
  }

  natsUrl(): Promise<string> {
    return (this.#nats ??= (async () => {
      await ensureServers();
      return this.#resources.use(await startNats()).url;
    })());
  }

  /** An empty database, which goes with the run. */
  async createDatabase(): Promise<string> {
    const server = await this.#postgresUrl();
    const name = `palaver_bench_${randomBytes(6).toString("hex")}`;
    await execute(server, `CREATE DATABASE ${name}`);
    this.#resources.use({
      [Symbol.asyncDispose]: () => execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
    });
    const url = new URL(server);
    url.pathname = `/${name}`;
    return url.href;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources[Symbol.asyncDispose]();
  }
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
