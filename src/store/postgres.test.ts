import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { freePort } from "../../test/kit/ports.js";
import { createTestDatabase, startPostgres } from "../../test/kit/postgres.js";
import { until } from "../../test/kit/until.js";
import { Wakeup } from "../platform/index.js";
import type { Database, Queryable, Statement } from "./database.js";
import { DatabaseError } from "./database-error.js";
import { openPostgres } from "./postgres.js";

const one: Statement = { name: "test.one", text: "select 1 as n" };
const backendPid: Statement = { name: "test.backend_pid", text: "select pg_backend_pid() as pid" };
const terminate: Statement = { name: "test.terminate", text: "select pg_terminate_backend($1)" };
const sleep: Statement = { name: "test.sleep", text: "select pg_sleep(60)" };

const never = new AbortController().signal;

async function pidOf(database: Database): Promise<number> {
  const [row] = await database.query<{ pid: number }>(backendPid);
  return row?.pid ?? 0;
}

describe("the pool", () => {
  test("keeps a connection after an ordinary error, with its prepared statements", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url, poolSize: 1 });
    const pid = await pidOf(database);
    await expect(database.query({ name: "test.zero", text: "select 1 / 0" })).rejects.toMatchObject({
      code: "22012",
    });
    await expect(database.transaction(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await pidOf(database)).toBe(pid);
    const prepared = { name: "test.prepared", text: "select name from pg_prepared_statements" };
    expect(await database.query(prepared)).toContainEqual({ name: "test.backend_pid" });
  });

  test("prepares a statement once, but for one that is planned each time", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url, poolSize: 1 });
    const planned = { name: "test.planned", text: "select $1::integer as n", planEachTime: true };
    for (const n of [1, 2]) {
      expect(await database.query(planned, [n])).toEqual([{ n }]);
      expect(await database.query({ name: "test.once", text: "select $1::integer as n" }, [n])).toEqual([
        { n },
      ]);
    }
    const prepared = {
      name: "test.prepared",
      text: "select name, generic_plans + custom_plans as runs from pg_prepared_statements",
    };
    const rows = await database.query<{ name: string; runs: number }>(prepared);
    expect(rows).toContainEqual({ name: "test.once", runs: 2 });
    expect(rows.map(({ name }) => name)).not.toContain("test.planned");
    // Its name still tells which one failed.
    const failing = { name: "test.failing", text: "select 1 / $1::integer", planEachTime: true };
    await expect(database.query(failing, [0])).rejects.toThrow("test.failing");
  });

  test("a transaction whose beginning fails runs no more than what travelled with it", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url });
    await database.script("create table t (n integer)");
    const write = { name: "test.write", text: "insert into t values (1)" };
    const called: string[] = [];
    const work = async (tx: Queryable): Promise<void> => {
      called.push("work");
      await tx.query({ name: "test.read", text: "select 1" });
      called.push("read");
      await tx.execute(write);
    };
    const isolation = "no such thing" as "serializable";
    await expect(database.transaction(work, { isolation, beginsWithReads: true })).rejects.toThrow(/syntax/);
    expect(called).toEqual(["work", "read"]);
    await expect(database.transaction(work, { isolation })).rejects.toThrow(/syntax/);
    expect(called).toEqual(["work", "read"]);
    expect(await database.query({ name: "test.rows", text: "select n from t" })).toEqual([]);
    // The connection is as good as new.
    await database.transaction(work, { beginsWithReads: true });
    expect(await database.query({ name: "test.rows", text: "select n from t" })).toHaveLength(1);
  });

  test("a connection that is cut while the commit travels with the last statements leaves open what became of it", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url });
    const kill = { name: "test.kill", text: "select pg_terminate_backend(pg_backend_pid())" };
    const cut = database.transaction((tx) => tx.finish(() => tx.query(kill)));
    await expect(cut).rejects.toMatchObject({ retryable: true, maybeCommitted: true });
    const cutBefore = database.transaction((tx) => tx.query(kill));
    await expect(cutBefore).rejects.toMatchObject({ retryable: true, maybeCommitted: false });
  });

  test("a conflict of the last statements runs the transaction again", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url });
    await database.script("create table t (n integer); insert into t values (0)");
    const read = { name: "test.read", text: "select n from t" };
    const write = { name: "test.write", text: "update t set n = $1" };
    const increment = (): Promise<number> =>
      database.transaction(
        async (tx) => {
          const [row] = await tx.query<{ n: number }>(read);
          return tx.finish(() => tx.execute(write, [(row?.n ?? 0) + 1]));
        },
        { isolation: "serializable", beginsWithReads: true },
      );
    await Promise.all([increment(), increment(), increment()]);
    expect(await database.query(read)).toEqual([{ n: 3 }]);
  });

  test("statements that are called together run in order, and fail together with the first that fails", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url });
    await database.script("create table t (n integer unique)");
    const insert = {
      name: "test.insert",
      text: "insert into t values ($1) returning (select max(n) from t)",
    };
    const numbers = [1, 2, 3];
    const inserted = await database.transaction((tx) =>
      Promise.all(numbers.map((n) => tx.query<{ max: number | null }>(insert, [n]))),
    );
    expect(inserted.map(([row]) => row?.max)).toEqual([null, 1, 2]);
    const outcomes = database.transaction(async (tx) => {
      const all = await Promise.allSettled([4, 4, 5].map((n) => tx.query(insert, [n])));
      return all.map((one) => (one.status === "rejected" ? (one.reason as DatabaseError).code : "done"));
    });
    // It caught the errors, but has lost the transaction.
    await expect(outcomes).rejects.toMatchObject({ code: "25P02" });
    const failing = database.transaction((tx) => Promise.all([4, 4, 5].map((n) => tx.query(insert, [n]))));
    await expect(failing).rejects.toMatchObject({ code: "23505" });
    expect(await database.query({ name: "test.rows", text: "select n from t" })).toHaveLength(3);
  });

  test("holds no more connections than it may, and says who it is", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url, poolSize: 3 });
    await Promise.all(Array.from({ length: 20 }, () => database.query(one)));
    const select = {
      name: "test.connections",
      text: "select application_name, count(*) as n from pg_stat_activity where datname = current_database() group by 1",
    };
    expect(await database.query(select)).toEqual([{ application_name: "palaver", n: 3 }]);
  });

  test("waits for a free connection only so long", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url, poolSize: 1, connectTimeoutMs: 100 });
    await database.transaction(async () => {
      await expect(database.query(one)).rejects.toMatchObject({
        retryable: true,
        maybeCommitted: false,
        code: undefined,
      });
    });
    expect(await database.query(one)).toEqual([{ n: 1 }]);
  });
});

test("when close resolves, no connection is left", async () => {
  await using data = await createTestDatabase();
  await using observer = openPostgres({ url: data.url, applicationName: "observer" });
  const others = {
    name: "test.others",
    text: "select 1 from pg_stat_activity where datname = current_database() and application_name = 'palaver'",
  };
  const lost: DatabaseError[] = [];
  const database = openPostgres({ url: data.url, onConnectionLost: (error) => lost.push(error) });
  await Promise.all(Array.from({ length: 5 }, () => database.query(one)));
  const running = database.query(one);
  await database.close();
  expect(await running).toEqual([{ n: 1 }]);
  // The server takes a moment to clear away a backend whose connection has ended.
  await until(async () => (await observer.query(others)).length === 0, { what: "the backends to end" });
  expect(lost).toEqual([]);
});

describe("a server that fails", () => {
  test("an idle connection that is cut is replaced without an error", async () => {
    await using data = await createTestDatabase();
    const lost = new Wakeup();
    const errors: DatabaseError[] = [];
    await using database = openPostgres({
      url: data.url,
      onConnectionLost: (error) => {
        errors.push(error);
        lost.notify();
      },
    });
    await using other = openPostgres({ url: data.url });
    const pid = await pidOf(database);
    await other.query(terminate, [pid]);
    await lost.wait(never);
    expect(errors).toMatchObject([{ code: "57P01", retryable: true }]);
    expect(await pidOf(database)).not.toBe(pid);
  });

  test("a query whose connection is cut fails as retryable and perhaps committed", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url, poolSize: 1 });
    await using other = openPostgres({ url: data.url });
    const pid = await pidOf(database);
    const cut = database.query(sleep);
    const outcome = expect(cut).rejects.toMatchObject({
      retryable: true,
      maybeCommitted: true,
      code: "57P01",
    });
    await other.query(terminate, [pid]);
    await outcome;
    expect(await pidOf(database)).not.toBe(pid);
  });

  test("a transaction whose connection is cut while its work does something else was not committed", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url, poolSize: 1 });
    await using other = openPostgres({ url: data.url });
    await other.script("create table t (n int)");
    const cut = database.transaction(async (transaction) => {
      await transaction.script("insert into t values (1)");
      const [row] = await transaction.query<{ pid: number }>(backendPid);
      await other.query(terminate, [row?.pid ?? 0]);
      await until(
        async () =>
          (
            await other.query({ name: "test.gone", text: "select 1 from pg_stat_activity where pid = $1" }, [
              row?.pid ?? 0,
            ])
          ).length === 0,
        { what: "the backend to end" },
      );
      await transaction.query(one);
    });
    await expect(cut).rejects.toMatchObject({ retryable: true, maybeCommitted: false });
    expect(await database.query({ name: "test.t", text: "select count(*) as n from t" })).toEqual([{ n: 0 }]);
  });

  test("after a crash and restart of the server, queries work again", async () => {
    await using server = await startPostgres();
    await using database = openPostgres({ url: server.url, poolSize: 4 });
    await Promise.all(Array.from({ length: 4 }, () => database.query(one)));
    const running = Array.from({ length: 3 }, () => database.query(sleep).catch((error: unknown) => error));
    // The death of one backend makes the server cut all connections and recover.
    process.kill(await pidOf(database), "SIGKILL");
    for (const error of await Promise.all(running)) {
      expect(error).toMatchObject({ name: "DatabaseError", retryable: true, maybeCommitted: true });
    }
    const failures: unknown[] = [];
    await until(
      () =>
        database.query(one).catch((error: unknown) => {
          failures.push(error);
          return false;
        }),
      { what: "the server to be back" },
    );
    for (const error of failures) expect(error).toMatchObject({ name: "DatabaseError", retryable: true });
    await Promise.all(
      Array.from({ length: 10 }, async () => expect(await database.query(one)).toEqual([{ n: 1 }])),
    );
  });

  test("a server that is not there is a retryable error without secrets", async () => {
    const url = `postgres://someone:secret@127.0.0.1:${await freePort()}/somewhere`;
    await using database = openPostgres({ url });
    const error: unknown = await database.query(one).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: "DatabaseError",
      retryable: true,
      maybeCommitted: false,
      code: undefined,
    });
    expect(String(error)).toContain("cannot connect to the database");
    expect(JSON.stringify([error, (error as Error).cause, (error as Error).stack])).not.toContain("secret");
    await expect(database.transaction(async () => 1)).rejects.toMatchObject({
      retryable: true,
      maybeCommitted: false,
    });
  });

  test("a server that accepts but never answers is given up", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    const port = typeof address === "object" ? address?.port : undefined;
    try {
      await using database = openPostgres({
        url: `postgres://a:b@127.0.0.1:${port}/c`,
        connectTimeoutMs: 100,
      });
      await expect(database.query(one)).rejects.toMatchObject({ retryable: true, maybeCommitted: false });
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });

  test("a wrong password or database is not retryable", async () => {
    await using data = await createTestDatabase();
    const url = new URL(data.url);
    url.password = "wrong-secret";
    await using locked = openPostgres({ url: url.href });
    const refused = expect(locked.query(one)).rejects;
    await refused.toMatchObject({ code: "28P01", retryable: false });
    await data.drop();
    await using dropped = openPostgres({ url: data.url });
    await expect(dropped.query(one)).rejects.toMatchObject({ code: "3D000", retryable: false });
  });

  test("a URL that cannot be read is refused without quoting it", () => {
    for (const url of [
      "",
      "secret",
      "mysql://a:secret@b/c",
      "postgres://a:secret@b:port/c",
      "postgres://a:se/cret@[b/c",
    ]) {
      let error: unknown;
      try {
        openPostgres({ url });
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ name: "StoreError", reason: "DATABASE_URL_INVALID" });
      expect(
        `${(error as Error).stack}${JSON.stringify(error)}${String((error as Error).cause)}`,
      ).not.toMatch(/secret@/);
    }
  });
});

describe("time limits", () => {
  test("a statement that takes too long is cancelled, and its connection stays", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url, poolSize: 1, statementTimeoutMs: 100 });
    const pid = await pidOf(database);
    await expect(database.query(sleep)).rejects.toMatchObject({
      code: "57014",
      retryable: true,
      maybeCommitted: false,
    });
    expect(await pidOf(database)).toBe(pid);
  });

  test("a transaction that lies idle is ended before anybody may take its chat over", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url });
    const show = {
      name: "test.idle",
      text: "select setting::int as ms from pg_settings where name = 'idle_in_transaction_session_timeout'",
    };
    expect(await database.query(show)).toEqual([{ ms: 10_000 }]);
  });

  test("a transaction that lies idle is ended by the server", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url, poolSize: 1, statementTimeoutMs: 100 });
    await using other = openPostgres({ url: data.url });
    await other.script("create table t (n int); insert into t values (1)");
    const held = new Wakeup();
    const done = new Wakeup();
    const idle = database.transaction(async (transaction) => {
      await transaction.script("update t set n = 2");
      held.notify();
      await done.wait(never);
    });
    const outcome = expect(idle).rejects.toMatchObject({ retryable: true });
    await held.wait(never);
    // Waits for the row lock until the server gives up on the idle transaction.
    expect(await other.execute({ name: "test.update", text: "update t set n = 3 where n = 1" })).toBe(1);
    done.notify();
    await outcome;
    expect(await database.query({ name: "test.t", text: "select n from t" })).toEqual([{ n: 3 }]);
  });
});

describe("a server that shuts down", () => {
  test("fails what was about to be asked on a connection that was just made, and no more than that", async () => {
    const message = (type: string, body: string): Buffer => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(body) + 4);
      return Buffer.concat([Buffer.from(type), length, Buffer.from(body)]);
    };
    // Both in one piece: that it is ready, and that it is not any more.
    const answer = Buffer.concat([
      message("R", "\0\0\0\0"),
      message("Z", "I"),
      message("E", "SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"),
    ]);
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end(answer));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await using database = openPostgres({ url: `postgres://nobody@127.0.0.1:${port}/none` });
    await expect(database.query(one)).rejects.toMatchObject({ retryable: true });
    server.close();
  });
});

describe("a database that is abandoned", () => {
  test("fails whatever waits for it, for an answer or for a connection, refuses the rest, and closes at once", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url, poolSize: 1, connectTimeoutMs: 60_000 });
    const answered = expect(database.query(sleep)).rejects.toBeInstanceOf(DatabaseError);
    const givenUp = { message: expect.stringContaining("given up") as string, retryable: true };
    const connected = expect(database.query(sleep)).rejects.toMatchObject(givenUp);
    await using other = openPostgres({ url: data.url });
    const sleeping = {
      name: "test.sleeping",
      text: "select 1 from pg_stat_activity where query like '%sleep%' and state = 'active' and pid <> pg_backend_pid()",
    };
    await until(async () => (await other.query(sleeping)).length, { what: "the statement to run" });
    database.abandon();
    await Promise.all([answered, connected]);
    await expect(database.query(sleep)).rejects.toThrow("given up");
    await database.close();
  });
});

describe("conflicts between transactions", () => {
  test("a deadlock is resolved by running one of the two again", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url, poolSize: 2 });
    await database.script(
      "create table t (id int primary key, n int not null); insert into t values (1, 0), (2, 0)",
    );
    await database.script(
      "alter database " + new URL(data.url).pathname.slice(1) + " set deadlock_timeout = '20ms'",
    );
    const update = { name: "test.update", text: "update t set n = n + 1 where id = $1" };
    let attempts = 0;
    const meeting = [new Wakeup(), new Wakeup()] as const;
    const cross = (own: 0 | 1, other: 0 | 1): Promise<void> => {
      let met = false;
      return database.transaction(async (transaction) => {
        attempts += 1;
        await transaction.execute(update, [own + 1]);
        meeting[own].notify();
        if (!met) await meeting[other].wait(never);
        met = true;
        await transaction.execute(update, [other + 1]);
      });
    };
    await Promise.all([cross(0, 1), cross(1, 0)]);
    expect(attempts).toBe(3);
    expect(await database.query({ name: "test.t", text: "select n from t" })).toEqual([{ n: 2 }, { n: 2 }]);
  });

  test("serializable transactions that conflict give the result of running one after the other", async () => {
    await using data = await createTestDatabase();
    await using database = openPostgres({ url: data.url, poolSize: 2 });
    await database.script("create table t (n int not null)");
    const sum = { name: "test.sum", text: "select coalesce(sum(n), 0)::int as n from t" };
    const insert = { name: "test.insert", text: "insert into t values ($1)" };
    const meeting = [new Wakeup(), new Wakeup()] as const;
    const add = (own: 0 | 1, other: 0 | 1): Promise<void> => {
      let met = false;
      return database.transaction(
        async (transaction) => {
          const [row] = await transaction.query<{ n: number }>(sum);
          meeting[own].notify();
          if (!met) await meeting[other].wait(never);
          met = true;
          await transaction.execute(insert, [(row?.n ?? 0) + 1]);
        },
        { isolation: "serializable" },
      );
    };
    await Promise.all([add(0, 1), add(1, 0)]);
    expect(await database.query(sum)).toEqual([{ n: 3 }]); // 1, then 1 + 1
  });
});

test("a table that changes under a prepared statement costs one retryable error, not a dead statement", async () => {
  await using data = await createTestDatabase();
  await using database = openPostgres({ url: data.url, poolSize: 1 });
  await database.script("create table t (n int); insert into t values (1)");
  const select = { name: "test.all", text: "select * from t" };
  expect(await database.query(select)).toEqual([{ n: 1 }]);
  await database.script("alter table t add column m int");
  await expect(database.query(select)).rejects.toMatchObject({
    code: "0A000",
    retryable: true,
    maybeCommitted: false,
  });
  expect(await database.query(select)).toEqual([{ n: 1, m: null }]);
});
