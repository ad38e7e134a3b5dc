import fc from "fast-check";
import { beforeAll, afterAll, describe, expect, test } from "vitest";
import { engines, type OpenTestDatabase, openTestDatabase } from "../../test/kit/databases.js";
import { DatabaseError } from "./database-error.js";
import { jsonbFault } from "./jsonb-fault.js";

const toJsonb = { name: "test_to_jsonb", text: "select $1::jsonb as value" };

/** Texts that the database refuses, and that we refuse before it has to. */
const refused = [
  "",
  " ",
  "nul",
  "[1,]",
  "{'a':1}",
  '"a\nb"',
  '"\u0000"',
  "\u0000",
  "\uFEFF[]",
  "[1] [2]",
  "01",
  "NaN",
  String.raw`"\u0000"`,
  String.raw`{"\u0000":1}`,
  String.raw`["\\\u0000"]`,
  String.raw`"\ud800"`,
  String.raw`"\udc00"`,
  String.raw`"\ud800\ud800\udc00"`,
  String.raw`"\ud800\u0041"`,
  String.raw`"\uDBFFx"`,
  "1e131073",
  "-1e-20000",
  "0e-20000",
  "1e99999999999",
];

const accepted = [
  "null",
  '""',
  " [ ] ",
  '{"a":{"a":1,"a":2}}',
  String.raw`"\\u0000 \\ud800 \"\/\b\f\n\r\t"`,
  String.raw`"\ud83d\ude00 \uE000\u0001"`,
  "9007199254740993",
  "-0.1e-300",
  "1.7976931348623157e+308",
  "9".repeat(15_000),
  `0.${"1".repeat(14_000)}e-1000`,
  `${"[".repeat(1_000)}${"]".repeat(1_000)}`,
  `${'{"a":'.repeat(1_000)}1${"}".repeat(1_000)}`,
];

/** JSON whose strings hold every kind of escape, cut and doubled at random. */
const almostJson = fc
  .tuple(
    fc.array(
      fc.oneof(
        fc.json(),
        fc.constantFrom(...refused, ...accepted.slice(0, 9)),
        fc.constantFrom(
          '"',
          "\\",
          "\\u",
          "\\ud800",
          "\\udc00",
          "\\u0000",
          "[",
          "]",
          "{",
          "}",
          ",",
          ":",
          "-",
          "e",
          "1",
          ".",
        ),
      ),
      { maxLength: 6 },
    ),
    fc.constantFrom("", ",", '"', "\\"),
  )
  .map(([pieces, joint]) => `[${pieces.join(joint)}]`);

describe.each(engines)("what jsonb takes, on %s", (engine) => {
  let opened: OpenTestDatabase;
  beforeAll(async () => {
    opened = await openTestDatabase(engine, { migrate: false });
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  async function takes(text: string): Promise<boolean> {
    try {
      await opened.database.query(toJsonb, [text]);
      return true;
    } catch (error) {
      if (!(error instanceof DatabaseError) || !/^(22|54)/.test(error.code ?? "")) throw error;
      return false;
    }
  }

  test.each(refused)("%j is refused by it and by us", async (text) => {
    expect(jsonbFault(text)).toBeDefined();
    expect(await takes(text)).toBe(false);
  });

  test("what it takes at the limits, we take", async () => {
    for (const text of accepted) {
      expect(jsonbFault(text), text.slice(0, 80)).toBeUndefined();
      expect(await takes(text), text.slice(0, 80)).toBe(true);
    }
  });

  test("we refuse whatever it refuses, and nothing else", async () => {
    let refusals = 0;
    await fc.assert(
      fc.asyncProperty(almostJson, async (text) => {
        const fault = jsonbFault(text);
        if (fault !== undefined) refusals += 1;
        // Ours are tighter than its own, for the sake of whoever reads.
        if (fault?.includes("out of range") === true) return;
        expect(fault === undefined).toBe(await takes(text));
      }),
      { numRuns: 2_000 },
    );
    expect(refusals).toBeGreaterThan(100);
  });
});

test("values that would be too deep or too large to read are refused", () => {
  expect(jsonbFault(`${"[".repeat(1_001)}${"]".repeat(1_001)}`)).toContain("nested");
  expect(jsonbFault(`[${"1e1000,".repeat(20_000)}1]`)).toContain("written out");
  expect(jsonbFault(`"${"x".repeat(16 * 1024 * 1024)}"`)).toContain("bytes");
  expect(jsonbFault("[".repeat(1_000_000) + "]".repeat(1_000_000))).toContain("nested");
});
