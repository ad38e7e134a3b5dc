import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { engines, openTestDatabase } from "../../test/kit/databases.js";
import { migrate, migrationStatus } from "./migrate.js";
import { loadMigrations, type Migration } from "./migration-files.js";
import { openPostgres } from "./postgres.js";

const first: Migration = {
  id: 1,
  name: "0001_first",
  sql: `
    -- a comment; with a semicolon
    create table things (id bigint primary key, name text not null);
    create function shout(name text) returns text language plpgsql as $$
      begin return upper(name); end;
    $$;
    insert into things values (1, shout('one'));
  `,
};
const second: Migration = { id: 2, name: "0002_second", sql: "insert into things values (2, 'TWO')" };
const third: Migration = { id: 3, name: "0003_third", sql: "insert into things values (3, 'THREE')" };
const names = { name: "test.names", text: "select name from things order by id" };

describe.each(engines)("%s", (engine) => {
  test("migrations are applied in order, each once", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    const told: string[] = [];
    const onApplied = (name: string): void => void told.push(name);
    expect(await migrate(database, { migrations: [first], onApplied })).toEqual({
      applied: ["0001_first"],
      current: 1,
    });
    expect(await migrate(database, { migrations: [first, second, third], onApplied })).toEqual({
      applied: ["0002_second", "0003_third"],
      current: 3,
    });
    expect(await migrate(database, { migrations: [first, second, third], onApplied })).toEqual({
      applied: [],
      current: 3,
    });
    expect(told).toEqual(["0001_first", "0002_second", "0003_third"]);
    expect(await database.query(names)).toEqual([{ name: "ONE" }, { name: "TWO" }, { name: "THREE" }]);
  });

  test("the status tells what is applied and what is pending, and changes nothing", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    expect(await migrationStatus(database, [first, second])).toEqual({
      applied: [],
      pending: ["0001_first", "0002_second"],
      current: 0,
    });
    expect(
      await database.query({ name: "test.tables", text: "select to_regclass('palaver_migrations') as t" }),
    ).toEqual([{ t: null }]);
    await migrate(database, { migrations: [first, second] });
    expect(await migrationStatus(database, [{ ...first, sql: "select 1" }, third])).toEqual({
      applied: [
        { id: 1, name: "0001_first", appliedAt: expect.any(Date), changed: true, unknown: false },
        { id: 2, name: "0002_second", appliedAt: expect.any(Date), changed: false, unknown: true },
      ],
      pending: ["0003_third"],
      current: 2,
    });
  });

  test("a migration that fails leaves nothing of itself, keeps those before it, and can be repaired", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    const broken = { ...second, sql: "insert into things values (2, 'TWO'); insert into nowhere values (1)" };
    await expect(migrate(database, { migrations: [first, broken, third] })).rejects.toMatchObject({
      name: "StoreError",
      reason: "MIGRATION_FAILED",
      message: expect.stringMatching(/0002_second failed.*relation "nowhere" does not exist/),
    });
    expect(await database.query(names)).toEqual([{ name: "ONE" }]);
    expect((await migrate(database, { migrations: [first, second, third] })).applied).toEqual([
      "0002_second",
      "0003_third",
    ]);
  });

  test("an applied migration that was edited is refused, before anything is done", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await migrate(database, { migrations: [first] });
    const edited = { ...first, sql: `${first.sql} -- and more` };
    await expect(migrate(database, { migrations: [edited, second] })).rejects.toMatchObject({
      reason: "MIGRATION_CHANGED",
      message: expect.stringContaining("0001_first"),
    });
    expect(await database.query(names)).toEqual([{ name: "ONE" }]);
    const otherLineEndings = { ...first, sql: first.sql.replaceAll("\n", "\r\n") };
    expect(await migrate(database, { migrations: [otherLineEndings] })).toEqual({ applied: [], current: 1 });
  });

  test("a database one migration ahead is accepted, two ahead is refused", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await migrate(database, { migrations: [first, second] });
    expect(await migrate(database, { migrations: [first] })).toEqual({ applied: [], current: 2 });
    await migrate(database, { migrations: [first, second, third] });
    await expect(migrate(database, { migrations: [first] })).rejects.toMatchObject({
      reason: "DATABASE_TOO_NEW",
      message: expect.stringContaining("0003_third"),
    });
  });

  test("the program's own migrations apply, and apply once", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    const own = await loadMigrations();
    expect((await migrate(database)).applied).toEqual(own.map(({ name }) => name));
    expect(await migrate(database)).toEqual({ applied: [], current: own.length });
    expect((await migrationStatus(database)).pending).toEqual([]);
  });

  test("several starters at once apply each migration once", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false, poolSize: 8 });
    const { database } = opened;
    const results = await Promise.all(
      Array.from({ length: 8 }, () => migrate(database, { migrations: [first, second, third] })),
    );
    expect(results.flatMap(({ applied }) => applied).sort()).toEqual([
      "0001_first",
      "0002_second",
      "0003_third",
    ]);
    expect(results.map(({ current }) => current)).toEqual(Array.from({ length: 8 }, () => 3));
    expect(await database.query(names)).toHaveLength(3);
  });
});

test("a migration may take longer than the statement time limit", async () => {
  await using opened = await openTestDatabase("postgres", { migrate: false });
  await using hasty = openPostgres({ url: opened.url ?? "", statementTimeoutMs: 50 });
  const slow = { ...first, sql: `select pg_sleep(0.2); ${first.sql}` };
  expect((await migrate(hasty, { migrations: [slow] })).applied).toEqual(["0001_first"]);
});

test("files that are not numbered without gaps are refused", async () => {
  const folder = await mkdtemp(join(tmpdir(), "palaver-migrations-"));
  const url = pathToFileURL(`${folder}/`);
  try {
    await expect(loadMigrations(url)).rejects.toMatchObject({ reason: "MIGRATIONS_INVALID" });
    await writeFile(join(folder, "0001_one.sql"), "select 1");
    await writeFile(join(folder, "README.md"), "not a migration");
    expect(await loadMigrations(url)).toEqual([{ id: 1, name: "0001_one", sql: "select 1" }]);
    await writeFile(join(folder, "0003_three.sql"), "select 3");
    await expect(loadMigrations(url)).rejects.toMatchObject({ reason: "MIGRATIONS_INVALID" });
    await writeFile(join(folder, "0002_two.sql"), "select 2");
    expect((await loadMigrations(url)).map(({ id }) => id)).toEqual([1, 2, 3]);
    await writeFile(join(folder, "0003_also.sql"), "select 3");
    await expect(loadMigrations(url)).rejects.toMatchObject({ reason: "MIGRATIONS_INVALID" });
  } finally {
    await rm(folder, { recursive: true });
  }
});
