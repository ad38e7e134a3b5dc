import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engines, type OpenTestDatabase, openTestDatabase } from "../../test/kit/databases.js";
import type { Parameter } from "./parameters.js";

/** Text as Postgres can hold it: no U+0000, no unpaired surrogates, everything else. */
const text = fc.string({ unit: "binary", maxLength: 200 }).map((value) => value.replaceAll("\u0000", ""));
const int8 = fc.maxSafeInteger();
const date = fc.date({
  min: new Date("0001-01-01T00:00:00Z"),
  max: new Date("9999-12-31T23:59:59.999Z"),
  noInvalidDate: true,
});
const bytes = fc.uint8Array({ maxLength: 300 });

/** JSON text with integers that no JavaScript number holds, written as jsonb prints it. */
const json: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    fc.constantFrom("null", "true", "false"),
    fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }).map(String),
    text.map((value) => JSON.stringify(value)),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(", ")}]`),
    // One key each: jsonb orders the keys of an object in its own way.
    fc.tuple(text, tie("value")).map(([key, value]) => `{${JSON.stringify(key)}: ${value}}`),
  ),
})).value;

describe.each(engines)("%s", (engine) => {
  let opened: OpenTestDatabase;
  beforeAll(async () => {
    opened = await openTestDatabase(engine, { migrate: false });
    await opened.database.script("create table kept (v jsonb)");
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  /** Sends the value through the database and back as a column of `type`. */
  async function roundTrip(type: string, value: Parameter): Promise<unknown> {
    const [row] = await opened.database.query<{ v: unknown }>(
      { name: `test.${type}`, text: `select $1::${type} as v` },
      [value],
    );
    return row?.v;
  }

  test.each<[type: string, values: fc.Arbitrary<Parameter>]>([
    ["text", text],
    ["int8", int8],
    ["int4", fc.integer()],
    ["float8", fc.double()],
    ["boolean", fc.boolean()],
    ["timestamptz", date],
    ["bytea", bytes],
    ["uuid", fc.uuid()],
    ["jsonb", json],
    ["json", json],
    ["text[]", fc.array(fc.option(text))],
    ["int8[]", fc.array(fc.option(int8))],
    ["boolean[]", fc.array(fc.boolean())],
    ["uuid[]", fc.array(fc.uuid())],
    ["timestamptz[]", fc.array(date)],
    ["bytea[]", fc.array(bytes, { maxLength: 5 })],
    ["jsonb[]", fc.array(json, { maxLength: 5 })],
  ])("%s comes back as it was sent", async (type, values) => {
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const back = await roundTrip(type, value);
        if (type === "float8" && value === 0)
          expect(back === 0).toBe(true); // -0 is 0
        else expect(back).toEqual(value);
      }),
      { numRuns: 150 },
    );
  });

  test("jsonb stays text in a table, with integers beyond 2^53 and deep nesting", async () => {
    const deep = `${'{"a": ['.repeat(200)}123456789012345678901234567890${"]}".repeat(200)}`;
    await opened.database.execute({ name: "test.keep", text: "insert into kept (v) values ($1)" }, [deep]);
    expect(await opened.database.query({ name: "test.kept", text: "select v from kept" })).toEqual([
      { v: deep },
    ]);
  });

  test("null comes back as null, in every type", async () => {
    for (const type of ["text", "int8", "jsonb", "bytea", "timestamptz", "boolean", "text[]"]) {
      expect(await roundTrip(type, null)).toBeNull();
    }
  });

  test("a large text is not changed", async () => {
    const large = "ä€😀\n\\\"'{},NULL".repeat(100_000);
    expect(await roundTrip("text", large)).toBe(large);
    expect(await roundTrip("text[]", [large, large])).toEqual([large, large]);
  });

  test("a bigint is a parameter too", async () => {
    expect(await roundTrip("numeric", 2n ** 100n)).toBe(String(2n ** 100n));
    expect(await roundTrip("int8", 5n)).toBe(5);
  });

  test("an int8 beyond 2^53 is an error, not a rounded number, and the database goes on", async () => {
    await expect(roundTrip("int8", 2n ** 53n)).rejects.toThrow("an int8 column holds a value beyond 2^53");
    await expect(roundTrip("int8[]", [1n, -(2n ** 53n)])).rejects.toMatchObject({
      name: "DatabaseError",
      retryable: false,
    });
    expect(await roundTrip("int8", 2n ** 53n - 1n)).toBe(Number.MAX_SAFE_INTEGER);
  });

  test("a timestamp is the same instant in every session time zone, cut to milliseconds", async () => {
    const select = { name: "test.instant", text: "select timestamptz '2026-01-31 12:00:00.987654+00' as v" };
    for (const zone of ["UTC", "Asia/Kolkata", "America/St_Johns"]) {
      const rows = await opened.database.transaction(async (transaction) => {
        await transaction.script(`set local time zone '${zone}'`);
        return transaction.query(select);
      });
      expect(rows).toEqual([{ v: new Date("2026-01-31T12:00:00.987Z") }]);
    }
    await expect(roundTrip("timestamptz", "infinity")).rejects.toThrow("no Date");
    expect(await roundTrip("timestamptz", "12026-01-31 12:00:00+00")).toEqual(
      new Date("+012026-01-31T12:00:00Z"),
    );
  });

  test("types without a decoder are Postgres' text", async () => {
    expect(await roundTrip("date", "2026-01-31")).toBe("2026-01-31");
    expect(await roundTrip("numeric", "1.50")).toBe("1.50");
    expect(await roundTrip("interval", "1 day")).toBe("1 day");
    expect(await roundTrip("int4[]", [[1], [2]]).catch((error: unknown) => String(error))).toContain(
      "more than one dimension",
    );
  });

  test("what Postgres cannot store is refused or replaced in the same way", async () => {
    await expect(roundTrip("text", "a\u0000b")).rejects.toMatchObject({ code: "22021" });
    await expect(roundTrip("jsonb", '"\\u0000"')).rejects.toMatchObject({ code: "22P05" });
    expect(await roundTrip("text", "\ud800x\udc00")).toBe("\ufffdx\ufffd");
    await expect(roundTrip("timestamptz", new Date(Number.NaN))).rejects.toThrow(RangeError);
    await expect(roundTrip("jsonb", { secret: 1 } as never)).rejects.toThrow("no parameter of type object");
    await expect(roundTrip("text", undefined as never)).rejects.toThrow("no parameter of type undefined");
    expect(await roundTrip("text", "still there")).toBe("still there");
  });
});
