import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadMigrations, type Migration, migrate } from "../../src/store/index.js";
import { engines, openTestDatabase, type OpenTestDatabase } from "../kit/databases.js";
import { applyAndJudge, type Breakage } from "./expand-only.js";

/** Those before were released before there was anything to share a database with. */
const firstJudged = 6;

test.each(engines)("the migrations leave the version before each of them working, on %s", async (engine) => {
  await using opened = await openTestDatabase(engine, { migrate: false });
  const own = await loadMigrations();
  await migrate(opened.database, { migrations: own.slice(0, firstJudged - 1) });
  expect(own.length).toBeGreaterThanOrEqual(firstJudged);
  for (const { id, name } of own.slice(firstJudged - 1)) {
    expect({ name, breaks: await applyAndJudge(opened.database, own.slice(0, id)) }).toEqual({
      name,
      breaks: [],
    });
  }
});

const base: Migration = {
  id: 1,
  name: "0001_base",
  sql: `
    create table owners (id integer primary key);
    create table things (
      id integer primary key,
      name text not null default 'nameless',
      size integer,
      owner integer references owners (id),
      code text not null,
      constraint small check (size < 10)
    );
    create unique index things_by_code on things (code) where size is not null;
    create view named as select id, name from things;
    create function shout(text) returns text language sql as 'select upper($1)';
  `,
};

describe("a migration", () => {
  let opened: OpenTestDatabase;
  beforeAll(async () => {
    opened = await openTestDatabase("postgres", { migrate: false });
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  async function judge(sql: string): Promise<readonly Breakage[]> {
    const { database } = opened;
    await database.script("drop schema public cascade; create schema public");
    await migrate(database, { migrations: [base] });
    return applyAndJudge(database, [base, { id: 2, name: "0002_next", sql }]);
  }

  test.each([
    ["drops a table", "drop table things cascade", ["named", "things"]],
    ["renames a table", "drop view named; alter table things rename to stuff", ["named", "things"]],
    ["drops a column", "alter table things drop column size", ["things.size", "things.things_by_code"]],
    [
      "drops it by other words",
      "do $$ begin execute 'alter table THINGS drop owner'; end $$",
      ["things.owner"],
    ],
    [
      "renames a column",
      "alter table things rename column owner to keeper",
      ["things.owner", "things.things_owner_fkey"],
    ],
    ["gives a column another type", "alter table things alter size type bigint", ["things", "things.size"]],
    ["gives it one that is stored alike", "alter table things alter code type varchar", ["things.code"]],
    ["adds a column that has to be given", "alter table things add colour text not null", ["things.colour"]],
    [
      "fills an old column and asks for it",
      "update things set size = 1; alter table things alter size set not null",
      ["things.size"],
    ],
    [
      "asks for an old column, with a default that an explicit null passes by",
      "alter table things alter size set default 1, alter size set not null",
      ["things.size"],
    ],
    ["takes a default away", "alter table things alter name drop default", ["things.name"]],
    ["generates a column", "alter table things alter id add generated always as identity", ["things.id"]],
    ["adds a check", "alter table things add constraint positive check (size > 0)", ["things.positive"]],
    [
      "narrows a check",
      "alter table things drop constraint small, add constraint small check (size < 5)",
      ["things.small"],
    ],
    [
      "adds a reference",
      "alter table things add constraint sized foreign key (size) references owners",
      ["things.sized"],
    ],
    ["adds a unique index", "create unique index things_by_name on things (name)", ["things.things_by_name"]],
    ["drops a unique index", "drop index things_by_code", ["things.things_by_code"]],
    ["drops a view", "drop view named", ["named"]],
    [
      "rewrites a table",
      "alter table things add column at timestamptz not null default clock_timestamp()",
      ["things"],
    ],
  ])("that %s is refused", async (_what, sql, subjects) => {
    const found = (await judge(sql)).map(({ subject }) => subject);
    expect([...new Set(found)].sort()).toEqual(subjects);
  });

  test.each([
    ["a table", "create table more (id integer primary key, name text not null unique)"],
    ["a column", "alter table things add colour text"],
    ["a column with a default", "alter table things add colour text not null default 'red'"],
    ["an index", "create index things_by_size on things (size)"],
    [
      "a view and a function",
      "create view v as select 1; create function f() returns int language sql as 'select 1'",
    ],
    ["more freedom", "alter table things alter code drop not null, drop constraint small"],
    ["rows", "insert into owners values (1); update things set size = 1"],
    [
      "a trigger",
      "create function t() returns trigger language plpgsql as $$ begin return new; end $$; create trigger t before update on things for each row execute function t()",
    ],
  ])("that adds %s passes", async (_what, sql) => {
    expect(await judge(sql)).toEqual([]);
  });

  describe("that breaks something", () => {
    const drop = "alter table things drop column owner, drop column name cascade;";

    test("may say why, for each thing that it breaks", async () => {
      const reason = "nothing since 0.1.0 reads or writes it";
      expect(await judge(`-- contract things.owner: ${reason}\n${drop}`)).toEqual([
        { subject: "named", what: "was dropped or renamed" },
        { subject: "things.name", what: "was dropped or renamed" },
      ]);
      const both = `-- contract things.owner: ${reason}\n-- contract things.name: ${reason}\n-- contract named: ${reason}`;
      expect(await judge(`${both}\n${drop}`)).toEqual([]);
    });

    test.each(["-- contract things.owner", "-- contract things.owner:", "-- contract things.owner:  "])(
      "is not excused without a reason: %j",
      async (excuse) => {
        expect(await judge(`${excuse}\nalter table things drop column owner`)).toEqual([
          { subject: "things.owner", what: "was dropped or renamed" },
        ]);
      },
    );

    test("is not excused for what it does not break", async () => {
      expect(await judge("-- contract things.owner: nobody reads it\nselect 1")).toEqual([
        { subject: "things.owner", what: "is excused and not broken" },
      ]);
    });
  });
});
