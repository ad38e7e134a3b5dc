import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, afterEach, expect, test } from "vitest";
import { loadMigrations, migrate } from "../../src/store/index.js";
import { openTestDatabase, type OpenTestDatabase } from "../kit/databases.js";
import { startTestReplica } from "../kit/replica.js";
import { beatAs } from "./directory.js";
import { runPalaver } from "./run-palaver.js";

let opened: OpenTestDatabase;
beforeEach(async () => {
  opened = await openTestDatabase("postgres", { migrate: false });
});
afterEach(() => opened[Symbol.asyncDispose]());

const replicas = (...args: string[]) =>
  runPalaver(["replicas", ...args], { env: { DATABASE_URL: opened.url } });

const nobody = {
  exitCode: 0,
  stdout: "",
  stderr: "No replica runs on this database. Start one: npx palaver serve\n",
};

test("lists what replicas said of themselves, and which of them are dead", async () => {
  const { database } = opened;
  await migrate(database);
  const first = await beatAs(database, {
    turns: 3,
    advertisedUrl: "http://10.0.0.5:7718",
    clockSkewMs: 2_500,
  });
  const dead = await beatAs(database, { version: "0.2.0", agoMs: 120_000 });
  const run = await replicas();
  expect(run).toMatchObject({ exitCode: 0, stderr: "" });
  const [heading = "", ...lines] = run.stdout.trimEnd().split("\n");
  expect(heading.split(/ +/)).toEqual(["ID", "STATE", "VERSION", "TURNS", "BEAT", "STARTED", "CLOCK", "URL"]);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(
    new RegExp(
      `^${first.slice(0, 8)} +alive +0\\.1\\.0 +3/8 +\\d(\\.\\d)?s +now +\\+2\\.[345]s +http://10\\.0\\.0\\.5:7718$`,
    ),
  );
  expect(lines[1]).toMatch(
    new RegExp(
      `^${dead.slice(0, 8)} +dead +0\\.2\\.0 +0/8 +2m +now +[+-]?0\\.\\ds +http://127\\.0\\.0\\.1:1$`,
    ),
  );
});

test("says it to programs, one replica per line", async () => {
  const { database } = opened;
  await migrate(database);
  const ids = [await beatAs(database), await beatAs(database, { agoMs: 60_000 })];
  const run = await replicas("--json");
  const printed = run.stdout
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text) as Record<string, unknown>);
  const said = { advertisedUrl: "http://127.0.0.1:1", version: "0.1.0", capacity: 8, turns: 0 };
  expect(printed).toEqual([
    {
      ...said,
      id: ids[0],
      alive: true,
      startedAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      heartbeatAgeMs: expect.any(Number) as number,
      clockSkewMs: expect.any(Number) as number,
    },
    expect.objectContaining({ ...said, id: ids[1], alive: false }),
  ]);
});

test("a replica of an older version, which tells less, is listed with what it says", async () => {
  await migrate(opened.database);
  await opened.database.script(
    "insert into replicas (id, version) values ('0e0e0e0e-0000-4000-8000-000000000000', '0.0.9')",
  );
  expect((await replicas()).stdout).toMatch(/\n0e0e0e0e +alive +0\.0\.9 +0\/0 +\S+ +now +- +-\n$/);
});

test("what a replica says cannot write to the terminal", async () => {
  await migrate(opened.database);
  await beatAs(opened.database, { version: "\u001b[31m1", advertisedUrl: "http://\u001b]0;x\u0007" });
  expect((await replicas()).stdout).not.toMatch(/[\u001b\u0007]/);
});

test("a replica that runs is listed, and one that stopped is not", async () => {
  await using replica = await startTestReplica({ env: { PALAVER_CONCURRENT_TURNS: "5" } });
  const env = { DATABASE_URL: replica.env["DATABASE_URL"] };
  const running = await runPalaver(["replicas"], { env });
  expect(running.stdout).toMatch(/\n[0-9a-f]{8} +alive +\S+ +0\/5 +\S+ +now +\S+ +-\n$/);
  await replica.stop();
  expect(await runPalaver(["replicas"], { env })).toEqual(nobody);
});

test("without any it says what to do, and without a database it creates none", async () => {
  expect(await replicas()).toEqual(nobody);
  expect(await replicas("--json")).toEqual({ ...nobody, stderr: "" });
  await migrate(opened.database);
  expect(await replicas()).toEqual(nobody);
  const folder = await mkdtemp(join(tmpdir(), "palaver-cli-"));
  try {
    expect(await runPalaver(["replicas", "--data-dir", folder])).toEqual(nobody);
    expect(await readdir(folder)).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a database that is not up to date stays as it is", async () => {
  const own = await loadMigrations();
  await migrate(opened.database, { migrations: own.slice(0, 5) });
  const run = await replicas();
  expect(run.exitCode).toBe(1);
  expect(run.stderr).toMatch(
    /at migration 5, .* expects \d{4}_\w+\. \[DATABASE_OUTDATED\]\n.*`npx palaver migrate`/,
  );
  expect((await migrate(opened.database)).applied).toEqual(own.slice(5).map(({ name }) => name));
});
