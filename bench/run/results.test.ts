import { describe, expect, it } from "vitest";
import { compareResults, resultsSchema } from "./compare.js";
import { type Measured, type Result, summarize } from "./result.js";
import { alternate } from "./rounds.js";
import { median, percentile } from "./statistics.js";
import { columns, row, table } from "./table.js";

const measured: Measured = {
  id: "P1",
  case: "S=100 grpc",
  unit: "µs CPU/delivery",
  bar: { of: "ratio", is: "at most", goal: 1.3, reject: 1.6 },
  runs: [
    { value: 12, floor: 10, cpu_server: 0.2, cpu_client: 0.1 },
    { value: 60, floor: 50, cpu_server: 0.4, cpu_client: 0.3 },
    { value: 13, floor: 10, cpu_server: 0.3, cpu_client: 0.2 },
  ],
};

describe("statistics", () => {
  it("the median is the middle, or the mean of the two in the middle", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 10, 2])).toBe(3);
    expect(median([])).toBeNaN();
  });

  it("a percentile is one of the numbers", () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0, 0.5, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([1, 50, 99, 100]);
    expect(percentile([7], 0.99)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });
});

describe("rounds", () => {
  it("floor and ours alternate, who is first changes, and the first round does not count", async () => {
    const order: string[] = [];
    let time = 0;
    const side = (name: string) => async () => {
      order.push(name);
      return { value: ++time, cpuServer: 0.5 };
    };
    const twice = { count: 2, warmUp: true };
    const runs = await alternate(twice, { ours: side("ours"), floor: side("floor") });
    expect(order).toEqual(["floor", "ours", "ours", "floor", "floor", "ours"]);
    expect(runs).toEqual([
      { value: 3, floor: 4, cpu_server: 0.5 },
      { value: 6, floor: 5, cpu_server: 0.5 },
    ]);
    const once = { count: 1, warmUp: false };
    expect(await alternate(once, { ours: side("ours") })).toEqual([{ value: 7, cpu_server: 0.5 }]);
  });
});

describe("results", () => {
  it("a ratio is that of neighbouring runs, so that what slows both down does not count", () => {
    const result = summarize(measured);
    expect(result).toMatchObject({ value: 13, floor: 10, ratio: 1.2, met: true, cpu_server: 0.3 });
    expect(result.bar).toBe("ratio ≤ 1.3 (reject > 1.6)");
  });

  it("a bar is met up to its goal, not up to where it is rejected", () => {
    const metBy = (value: number, is: "at most" | "at least"): boolean | null =>
      summarize({ ...measured, bar: { of: "value", is, goal: 3, reject: 5 }, runs: [{ value }] }).met;
    expect([3, 4].map((value) => metBy(value, "at most"))).toEqual([true, false]);
    expect([2.9, 3].map((value) => metBy(value, "at least"))).toEqual([false, true]);
  });

  it("what was not measured is no result", () => {
    expect(() => summarize({ ...measured, runs: [] })).toThrow("P1 S=100 grpc: measured []");
    expect(() => summarize({ ...measured, runs: [{ value: Number.NaN }] })).toThrow("measured");
    for (const floor of [0, -1])
      expect(() => summarize({ ...measured, runs: [{ value: 1, floor }] })).toThrow("measured");
    // A bar on a ratio that there is none of.
    expect(() => summarize({ ...measured, runs: [{ value: 1 }] })).toThrow("measured");
  });

  it("the file holds what was measured, and reads back as it was written", () => {
    const { bar: _, ...told } = measured;
    const results = [summarize(measured), summarize({ ...told, runs: [{ value: 5 }] })];
    const file: unknown = JSON.parse(JSON.stringify(results));
    expect(resultsSchema.parse(file)).toEqual(results);
    expect(results[1]).toEqual({
      id: "P1",
      case: "S=100 grpc",
      value: 5,
      unit: "µs CPU/delivery",
      floor: null,
      ratio: null,
      bar: null,
      met: null,
      cpu_server: null,
      cpu_client: null,
      runs: [{ value: 5 }],
    });
    expect(() => resultsSchema.parse([{ id: "P1" }])).toThrow();
  });

  it("the table shows each in a line", () => {
    const lines = table([columns, row(summarize(measured))]).split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(
      /^P1 +S=100 grpc +13 µs CPU\/delivery +10 +1\.20 × +ratio ≤ 1\.3 \(reject > 1\.6\) +yes +30 % +20 %$/,
    );
  });
});

describe("compare", () => {
  const result = (more: Partial<Result>): Result => ({ ...summarize(measured), ...more });

  it("compares ratios where there are any, and values elsewhere", () => {
    const before = [
      result({ case: "a", value: 10, ratio: 1 }),
      result({ case: "b", value: 10, ratio: null, floor: null }),
      result({ case: "c", value: 10, ratio: 2 }),
    ];
    const after = [
      result({ case: "a", value: 50, ratio: 1.05 }),
      result({ case: "b", value: 15, ratio: null, floor: null }),
      result({ case: "c", value: 10, ratio: 1, met: false }),
    ];
    expect(compareResults(before, after).split("\n")).toEqual([
      "    case  before  after  change  bar met",
      "P1  b     10      15     +50 %",
      "P1  c     2       1      -50 %   yes → no",
      "2 moved by more than 10 %, 1 did not",
    ]);
  });

  it("names what only one of them has; what a case adds in brackets is no other case", () => {
    const before = [result({ case: "gone" }), result({ case: "alone (1.0 deltas/response)" })];
    const after = [result({ case: "new" }), result({ case: "alone (2.7 deltas/response)" })];
    expect(compareResults(before, after).split("\n")).toEqual([
      "0 moved by more than 10 %, 1 did not",
      "only after: P1 new",
      "only before: P1 gone",
    ]);
  });
});
