import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { createTestDatabase, startPostgres } from "./postgres.js";
import { until } from "./until.js";

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("createTestDatabase", () => {
  test("two databases know nothing of each other", async () => {
    await using one = await createTestDatabase();
    await using other = await createTestDatabase();
    await query(one.url, "CREATE TABLE t AS SELECT 1 AS n");
    expect(await query(one.url, "SELECT n FROM t")).toEqual([{ n: 1 }]);
    await expect(query(other.url, "SELECT n FROM t")).rejects.toMatchObject({ code: "42P01" });
  });

  test("drop removes the database, even under an open connection, and may be called again", async () => {
    const database = await createTestDatabase();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    client.on("error", () => {});
    const cut = new Promise<void>((resolve) => client.once("end", resolve));
    await database.drop();
    await cut;
    await expect(query(database.url, "SELECT 1")).rejects.toMatchObject({ code: "3D000" });
    await database.drop();
  });
});

describe("startPostgres", () => {
  test("stop ends the server and removes its data", async () => {
    const server = await startPostgres();
    const [row] = await query(server.url, "SHOW data_directory");
    const data = String(row?.["data_directory"]);
    await access(data);
    await server.stop();
    expect(isRunning(server.pid)).toBe(false);
    await expect(access(data)).rejects.toMatchObject({ code: "ENOENT" });
    await server.stop();
  });

  let owner: ChildProcess | undefined;
  afterEach(() => owner?.kill("SIGKILL"));

  test("the server ends when the process that started it is killed", async () => {
    const script = `
      import { startPostgres } from ${JSON.stringify(new URL("./postgres-server.ts", import.meta.url).href)};
      const { pid } = await startPostgres();
      process.stdout.write(String(pid));
    `;
    owner = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (owner.stdout === null) throw new Error("no pipe to the child");
    const [output] = (await once(owner.stdout, "data")) as [Buffer];
    const pid = Number(output.toString());
    expect(isRunning(pid)).toBe(true);
    owner.kill("SIGKILL");
    await until(() => !isRunning(pid), { what: "the server to end" });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
