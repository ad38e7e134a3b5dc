import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { postgresPrograms } from "../../test/kit/postgres-programs.js";

/** As large as what a transition locks and writes, about. */
const tables = `
  create table bench_chats (id int primary key, version int not null, state text not null);
  create table bench_messages (chat int not null, id bigserial primary key, content text not null);
  insert into bench_chats select id, 0, repeat('s', 300) from generate_series(1, 1000) id;
`;

const lock = "select version, state from bench_chats where id = ";
const update = "update bench_chats set version = version + 1 where id = ";
const insert = "insert into bench_messages (chat, content) values ";

/** The tables of the floors. */
export async function createBenchTables(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, (client) => client.query(tables));
}

/** Transactions a second of PostgreSQL's own benchmark: lock a row, update it, insert another, commit. */
export async function pgbench(
  databaseUrl: string,
  { folder, seconds, clients }: { folder: string; seconds: number; clients: number },
): Promise<number> {
  const script = join(folder, "transaction.sql");
  const statements = [
    "\\set id random(1, 1000)",
    "begin;",
    `${lock} :id for update;`,
    `${update} :id;`,
    `${insert} (:id, repeat('m', 120));`,
    "commit;",
  ];
  await writeFile(script, statements.join("\n"));
  const { postgres } = await postgresPrograms();
  const limits = ["-c", String(clients), "-j", "1", "-T", String(seconds), "-M", "prepared"];
  const { stdout } = await promisify(execFile)(join(dirname(postgres), "pgbench"), [
    "-n",
    ...limits,
    "-f",
    script,
    databaseUrl,
  ]);
  const tps = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1]);
  if (!Number.isFinite(tps)) throw new Error(`pgbench told no rate: ${stdout}`);
  return tps;
}

/** How long one such transaction takes from here, with nobody else there: the time of each of so many, in milliseconds. */
export async function commitTimes(databaseUrl: string, times: number): Promise<number[]> {
  return withClient(databaseUrl, async (client) => {
    const ms: number[] = [];
    for (let time = 0; time < times; time++) {
      const id = 1 + (time % 1_000);
      const beganMs = performance.now();
      await client.query("begin");
      await client.query({ name: "bench_lock", text: `${lock} $1 for update`, values: [id] });
      await client.query({ name: "bench_update", text: `${update} $1`, values: [id] });
      await client.query({ name: "bench_insert", text: `${insert} ($1, repeat('m', 120))`, values: [id] });
      await client.query("commit");
      ms.push(performance.now() - beganMs);
    }
    return ms;
  });
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
