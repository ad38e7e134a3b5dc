import { expect, test } from "vitest";
import { z } from "zod";
import { ManualClock } from "../platform/index.js";
import { builtInTools } from "./built-in-tools.js";
import { currentTime } from "./current-time.js";
import { defineTool } from "./tool.js";
import { createToolRegistry } from "./tool-registry.js";

const context = {
  signal: new AbortController().signal,
  clock: new ManualClock(new Date("2026-07-01T22:30:00Z")),
};

const add = defineTool({
  name: "add",
  description: "Adds.",
  input: z.object({ a: z.number().describe("First."), b: z.number().default(1) }),
  idempotent: true,
  run: ({ a, b }) => Promise.resolve(a + b),
});

test("the schema of the arguments is JSON Schema, as the model has to write them", () => {
  expect(add.inputSchema).toEqual({
    type: "object",
    properties: { a: { type: "number", description: "First." }, b: { type: "number", default: 1 } },
    required: ["a"],
  });
});

test("arguments are read, with their defaults", async () => {
  await expect(add.run(add.parse('{"a":2}'), context)).resolves.toBe(3);
  expect(() => add.parse('{"a":"2"}')).toThrow(/The arguments are not valid\. a: .*expected number/);
  expect(() => add.parse("{")).toThrow("The arguments are not valid JSON.");
  expect(() => add.parse("[]")).toThrow("The arguments are not valid.");
});

test("no text at all stands for no arguments", () => {
  expect(currentTime.parse(" ")).toEqual({});
});

test("a registry finds tools by name and declares them in order", () => {
  const registry = createToolRegistry([
    ...builtInTools({ names: ["http_fetch", "current_time"], httpFetchAllowPrivate: false }),
    add,
  ]);
  expect(registry.get("add")).toBe(add);
  expect(registry.get("toString")).toBeUndefined();
  expect(registry.declarations().map(({ name }) => name)).toEqual(["add", "current_time", "http_fetch"]);
  expect(Object.keys(registry.declarations()[0] ?? {})).toEqual(["name", "description", "inputSchema"]);
  expect(() => createToolRegistry([add, add])).toThrow("two tools are named add");
});

test.each([
  ["{}", { time_zone: "UTC", local: "2026-07-01T22:30:00+00:00", weekday: "Wednesday" }],
  [
    '{"time_zone":"Europe/Berlin"}',
    { time_zone: "Europe/Berlin", local: "2026-07-02T00:30:00+02:00", weekday: "Thursday" },
  ],
  [
    '{"time_zone":"Asia/Kathmandu"}',
    { time_zone: "Asia/Kathmandu", local: "2026-07-02T04:15:00+05:45", weekday: "Thursday" },
  ],
])("current_time %s", async (args, expected) => {
  await expect(currentTime.run(currentTime.parse(args), context)).resolves.toEqual({
    utc: "2026-07-01T22:30:00.000Z",
    ...expected,
  });
});

test("current_time refuses a time zone that does not exist", () => {
  expect(() => currentTime.parse('{"time_zone":"Mars/Olympus"}')).toThrow("time_zone: not an IANA time zone");
});
