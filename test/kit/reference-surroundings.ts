import { randomBytes } from "node:crypto";
import pg from "pg";
import { startNats } from "./nats-server.js";
import { palaver } from "./palaver-process.js";
import { startPostgres } from "./postgres-server.js";
import { ensureServers } from "./test-programs.js";

/** What conformance/target.reference.yaml expects in the environment. */
export interface ReferenceSurroundings extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
  /**
   * The same once more for a target beside this one: a database and a NATS of its own, with the same users. Copies this one's database, so no
   * target may use that before.
   */
  readonly another: () => Promise<Omit<ReferenceSurroundings, "another">>;
}

const users = { CONFORMANCE_ALICE: "alice", CONFORMANCE_BOB: "bob", CONFORMANCE_ADMIN: "admin" };

/** Starts a Postgres, unless TEST_DATABASE_URL names one, and a NATS, and makes a database with three users. */
export async function startReferenceSurroundings(): Promise<ReferenceSurroundings> {
  await ensureServers();
  const given = process.env["TEST_DATABASE_URL"] ?? "";
  const postgres = given === "" ? await startPostgres() : undefined;
  const server = postgres?.url ?? given;
  const first = await openTargetServers(server);
  const tokens: Record<string, string> = {};
  for (const [variable, owner] of Object.entries(users))
    tokens[variable] = await createToken(first.env.CONFORMANCE_DATABASE_URL, owner);
  return {
    env: { ...first.env, ...tokens },
    another: async () => {
      const next = await openTargetServers(server, first.database);
      return { ...next, env: { ...next.env, ...tokens } };
    },
    [Symbol.asyncDispose]: async () => {
      await first[Symbol.asyncDispose]();
      await postgres?.stop();
    },
  };
}

/** A database, empty unless it is a copy, and a NATS. */
async function openTargetServers(server: string, copyOf = "template1") {
  const nats = await startNats();
  const database = `palaver_conformance_${randomBytes(6).toString("hex")}`;
  await execute(server, `CREATE DATABASE ${database} TEMPLATE ${copyOf}`);
  const url = new URL(server);
  url.pathname = `/${database}`;
  return {
    database,
    env: { CONFORMANCE_DATABASE_URL: url.href, CONFORMANCE_NATS_URL: nats.url },
    [Symbol.asyncDispose]: async () => {
      await nats[Symbol.asyncDispose]();
      await execute(server, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    },
  };
}

async function createToken(databaseUrl: string, owner: string): Promise<string> {
  const admin = owner === "admin" ? ["--admin"] : [];
  const { code, stdout, stderr } = await palaver(["token", "create", "--json", "--owner", owner, ...admin], {
    DATABASE_URL: databaseUrl,
  });
  if (code !== 0) throw new Error(`no token for ${owner}: ${stderr}`);
  return (JSON.parse(stdout) as { token: string }).token;
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
