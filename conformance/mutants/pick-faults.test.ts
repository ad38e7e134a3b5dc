import { expect, it } from "vitest";
import type { Fault } from "./fault.js";
import { pickFaults } from "./pick-faults.js";

const all = Array.from(
  { length: 7 },
  (_, index): Fault => ({
    id: `M0${index}`,
    title: "is wrong",
    edits: [{ file: "src/replica.ts", find: "a", replace: "b" }],
    kills: ["end/fail"],
    spares: ["end/pass"],
  }),
);
const idsOf = (faults: readonly Fault[]): string[] => faults.map(({ id }) => id);
const everything = { ids: [], seed: "5eed" };

it("shards are disjoint and together all", () => {
  const shards = ["1/3", "2/3", "3/3"].map((shard) => idsOf(pickFaults(all, { ...everything, shard })));
  expect(shards.flat().sort()).toEqual(idsOf(all));
  expect(shards.map(({ length }) => length)).toEqual([3, 2, 2]);
});

it("a sample is the same for the same seed, and another for others", () => {
  const sampled = (seed: string): string => idsOf(pickFaults(all, { ids: [], sample: "3", seed })).join();
  expect(sampled("a").split(",")).toHaveLength(3);
  expect(sampled("a")).toBe(sampled("a"));
  expect(new Set(["a", "b", "c", "d", "e"].map(sampled)).size).toBeGreaterThan(1);
});

it("what is no mutant, shard or size is refused", () => {
  expect(() => pickFaults(all, { ...everything, ids: ["M99"] })).toThrow("there is no mutant M99");
  for (const shard of ["0/2", "3/2", "half"])
    expect(() => pickFaults(all, { ...everything, shard })).toThrow("is no shard");
  for (const sample of ["0", "x"]) expect(() => pickFaults(all, { ...everything, sample })).toThrow("sample");
});
