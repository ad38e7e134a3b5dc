import { describe, expect, test } from "vitest";
import { engines, openTestDatabase } from "../../test/kit/databases.js";
import { Wakeup } from "../platform/index.js";
import type { Queryable, Statement } from "./database.js";
import { DatabaseError } from "./database-error.js";

const sql = (text: string): Statement => ({ name: `test.${text.slice(0, 50)}`, text });

const people = `
  create table people (
    id bigint primary key,
    name text not null constraint named check (name <> ''),
    boss bigint constraint has_boss references people deferrable
  );
  insert into people values (1, 'Ada'), (2, 'Bob');
`;
const countPeople = sql("select count(*) as n from people");
const insertPerson = sql("insert into people (id, name) values ($1, $2)");

describe.each(engines)("%s", (engine) => {
  test("a statement returns rows, and counts those it changed", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    expect(database.kind).toBe(engine);
    expect(await database.query(sql("select id, name, boss from people order by id"))).toEqual([
      { id: 1, name: "Ada", boss: null },
      { id: 2, name: "Bob", boss: null },
    ]);
    expect(await database.query(sql("insert into people values ($1, $2) returning id"), [3, "Cy"])).toEqual([
      { id: 3 },
    ]);
    expect(await database.execute(sql("update people set boss = $1 where id > $1"), [1])).toBe(2);
    expect(await database.execute(sql("delete from people where id = any($1::bigint[])"), [[2, 3, 4]])).toBe(
      2,
    );
    expect(await database.execute(sql("delete from people where id = 99"))).toBe(0);
    expect(await database.query(countPeople)).toEqual([{ n: 1 }]);
  });

  test("errors carry the SQLSTATE, the constraint and the statement, and no values", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    const failure = async (
      statement: Statement,
      values: (string | number)[] = [],
    ): Promise<DatabaseError> => {
      const error: unknown = await database.query(statement, values).catch((reason: unknown) => reason);
      if (!(error instanceof DatabaseError)) throw new Error("no DatabaseError", { cause: error });
      expect(error.retryable).toBe(false);
      expect(error.maybeCommitted).toBe(false);
      const shown = `${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.cause)}`;
      expect(shown).not.toContain("secret");
      return error;
    };

    expect(await failure(insertPerson, [1, "secret"])).toMatchObject({
      code: "23505",
      constraint: "people_pkey",
      table: "people",
      statement: insertPerson.name,
      message: `database: duplicate in statement "${insertPerson.name}" (23505, constraint "people_pkey")`,
    });
    expect(await failure(insertPerson, [5, ""])).toMatchObject({ code: "23514", constraint: "named" });
    expect(await failure(sql("update people set boss = $1"), [77])).toMatchObject({
      code: "23503",
      constraint: "has_boss",
    });
    expect(await failure(sql("insert into people (id) values ($1)"), [5])).toMatchObject({
      code: "23502",
      column: "name",
    });
    expect(await failure(sql("select $1::uuid"), ["secret"])).toMatchObject({ code: "22P02" });
    expect(await failure(sql("select $1::jsonb"), ['{"secret":'])).toMatchObject({ code: "22P02" });
    expect(await failure(sql("select $1::text from nowhere"), ["secret"])).toMatchObject({ code: "42P01" });
    expect((await failure(sql("select 1 from nowhere"))).message).toContain(
      'relation "nowhere" does not exist',
    );
    expect(await database.query(countPeople)).toEqual([{ n: 2 }]);
  });

  test("a transaction commits as a whole", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    const seen = await database.transaction(async (transaction) => {
      await transaction.execute(insertPerson, [3, "Cy"]);
      await transaction.script("insert into people values (4, 'Di'); insert into people values (5, 'Ed')");
      return transaction.query(countPeople);
    });
    expect(seen).toEqual([{ n: 5 }]);
    expect(await database.query(countPeople)).toEqual([{ n: 5 }]);
  });

  test("a transaction whose work fails leaves nothing, and fails with the same error", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    const reason = new Error("changed my mind");
    const refused = database.transaction(async (transaction) => {
      await transaction.execute(insertPerson, [3, "Cy"]);
      throw reason;
    });
    await expect(refused).rejects.toBe(reason);
    const violated = database.transaction(async (transaction) => {
      await transaction.execute(insertPerson, [3, "Cy"]);
      await transaction.execute(insertPerson, [1, "Ada"]);
    });
    await expect(violated).rejects.toMatchObject({ code: "23505" });
    expect(await database.query(countPeople)).toEqual([{ n: 2 }]);
  });

  test("a transaction that swallows a database error does not pretend to have committed", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    const result = database.transaction(async (transaction) => {
      await transaction.execute(insertPerson, [3, "Cy"]);
      await transaction.execute(insertPerson, [1, "Ada"]).catch(() => undefined);
    });
    await expect(result).rejects.toMatchObject({ name: "DatabaseError", code: "25P02" });
    expect(await database.query(countPeople)).toEqual([{ n: 2 }]);
  });

  test("a constraint that is checked at the commit fails the transaction", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    const result = database.transaction(async (transaction) => {
      await transaction.script("set constraints all deferred");
      await transaction.execute(sql("update people set boss = 99"));
    });
    await expect(result).rejects.toMatchObject({ code: "23503", constraint: "has_boss" });
    expect(await database.query(sql("select boss from people where boss is not null"))).toEqual([]);
  });

  test("statements that the work did not await stay in their transaction, in order", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    const failed = database.transaction(async (transaction) => {
      await Promise.all([
        transaction.execute(insertPerson, [3, "Cy"]),
        transaction.execute(insertPerson, [1, "Ada"]),
        transaction.execute(insertPerson, [4, "Di"]),
      ]);
    });
    await expect(failed).rejects.toMatchObject({ code: "23505" });
    expect(await database.query(countPeople)).toEqual([{ n: 2 }]);

    await database.transaction(async (transaction) => {
      void transaction.execute(insertPerson, [3, "Cy"]);
      void transaction.execute(insertPerson, [4, "Di"]);
    });
    expect(await database.query(countPeople)).toEqual([{ n: 4 }]);
  });

  test("a transaction that is over refuses statements", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    const escaped = await database.transaction(async (transaction) => [transaction]);
    await expect(escaped[0]?.query(countPeople)).rejects.toThrow("the transaction is over");
    await expect(escaped[0]?.script("drop table people")).rejects.toThrow("the transaction is over");
    expect(await database.query(countPeople)).toEqual([{ n: 2 }]);
  });

  test("the last statements of a transaction are committed with it or not at all, and none comes after", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    const insert = (tx: Queryable, ...ids: number[]): Promise<number[]> =>
      Promise.all(ids.map((id) => tx.execute(insertPerson, [id, `${id}`])));
    let late: unknown;
    const done = await database.transaction(async (tx) => {
      await insert(tx, 3);
      const last = await tx.finish(() => insert(tx, 4, 5));
      late = await insert(tx, 6).catch((error: unknown) => error);
      return last;
    });
    expect(done).toEqual([1, 1]);
    expect(late).toMatchObject({ message: expect.stringContaining("is over") as string });
    expect(await database.query(countPeople)).toEqual([{ n: 5 }]);

    const failing = database.transaction(async (tx) => {
      await insert(tx, 7);
      return tx.finish(() => insert(tx, 8, 8, 9));
    });
    await expect(failing).rejects.toMatchObject({ code: "23505", maybeCommitted: false });
    const swallowing = database.transaction((tx) => tx.finish(() => insert(tx, 8, 8).catch(() => [])));
    await expect(swallowing).rejects.toMatchObject({ code: "25P02" });
    const failingBefore = database.transaction((tx) =>
      tx.finish(() => {
        throw new Error("not even called");
      }),
    );
    await expect(failingBefore).rejects.toThrow("not even called");
    expect(await database.query(countPeople)).toEqual([{ n: 5 }]);
    expect(await database.transaction((tx) => tx.finish(() => Promise.resolve("nothing")))).toBe("nothing");
  });

  test("a read-only transaction refuses to write, and repeatable read holds its snapshot", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    const write = database.transaction((transaction) => transaction.execute(insertPerson, [3, "Cy"]), {
      readOnly: true,
    });
    await expect(write).rejects.toMatchObject({ code: "25006" });
    const level = await database.transaction(
      (transaction) => transaction.query(sql("select current_setting('transaction_isolation') as level")),
      { isolation: "repeatable read", readOnly: true },
    );
    expect(level).toEqual([{ level: "repeatable read" }]);
    expect(await database.execute(insertPerson, [3, "Cy"])).toBe(1);
  });

  test("parallel transactions and statements all happen, none of them half", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false, poolSize: 4 });
    const { database } = opened;
    await database.script("create table counter (n int not null); insert into counter values (0)");
    const read = sql("select n from counter for update");
    const write = sql("update counter set n = $1");
    await Promise.all([
      ...Array.from({ length: 20 }, () =>
        database.transaction(async (transaction) => {
          const [row] = await transaction.query<{ n: number }>(read);
          await transaction.execute(write, [(row?.n ?? 0) + 1]);
        }),
      ),
      ...Array.from({ length: 20 }, () => database.execute(sql("update counter set n = n + 1"))),
    ]);
    expect(await database.query(sql("select n from counter"))).toEqual([{ n: 40 }]);
  });

  test("work that conflicts runs again, but not for ever", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    const conflict = "do $$ begin raise exception using errcode = 'serialization_failure'; end $$";
    let attempts = 0;
    await database.transaction(async (transaction) => {
      attempts += 1;
      await transaction.execute(insertPerson, [3, "Cy"]);
      if (attempts < 3) await transaction.script(conflict);
    });
    expect(attempts).toBe(3);
    expect(await database.query(countPeople)).toEqual([{ n: 3 }]);

    attempts = 0;
    const hopeless = database.transaction(async (transaction) => {
      attempts += 1;
      await transaction.script(conflict);
    });
    await expect(hopeless).rejects.toMatchObject({ code: "40001", retryable: true });
    expect(attempts).toBe(5);
  });

  test("of statements that are called together the one that failed is told, however far from it the caller looks", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    const conflict = "do $$ begin raise exception using errcode = 'deadlock_detected'; end $$";
    const looking = async <T>(from: number, at: () => Promise<T>): Promise<T> =>
      from === 0 ? at() : looking(from - 1, at);
    let attempts = 0;
    await database.transaction(async (transaction) => {
      attempts += 1;
      const isFirst = attempts === 1;
      await Promise.all([
        isFirst && looking(10, () => transaction.script(conflict)),
        transaction.execute(insertPerson, [3, "Cy"]),
      ]);
    });
    expect(attempts).toBe(2);
    expect(await database.query(countPeople)).toEqual([{ n: 3 }]);
  });

  test("a script outside a transaction applies as a whole or not at all", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.script(people);
    const script = database.script(
      "insert into people values (3, 'Cy'); insert into people values (1, 'Ada')",
    );
    await expect(script).rejects.toMatchObject({ code: "23505" });
    expect(await database.query(countPeople)).toEqual([{ n: 2 }]);
  });

  test("one name for two statements is refused at once", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    await database.query({ name: "twice", text: "select 1 as n" });
    await expect(database.query({ name: "twice", text: "select 2 as n" })).rejects.toThrow(
      'two statements are named "twice"',
    );
    await expect(database.query({ name: "x".repeat(64), text: "select 1" })).rejects.toThrow(
      "is no name for a statement",
    );
    await expect(database.query({ name: "", text: "select 1" })).rejects.toThrow(
      "is no name for a statement",
    );
  });

  test("close waits for what runs and refuses what comes later", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    const began = new Wakeup();
    const end = new Wakeup();
    const { signal } = new AbortController();
    const running = database.transaction(async (transaction) => {
      began.notify();
      await end.wait(signal);
      return transaction.query(sql("select 1 as n"));
    });
    await began.wait(signal);
    const closed = database.close();
    const late = { message: "database: closed", retryable: true, maybeCommitted: false };
    await expect(database.query(sql("select 1 as n"))).rejects.toMatchObject(late);
    await expect(database.transaction(async () => 1)).rejects.toThrow("database: closed");
    end.notify();
    expect(await running).toEqual([{ n: 1 }]);
    await closed;
    await database.close();
  });
});
