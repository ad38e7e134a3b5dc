import { expect, it } from "vitest";
import { createMetrics, type Metrics, noMetrics } from "./metrics.js";

/** The lines about one metric. */
async function said(metrics: { text(): Promise<string> }, name: string): Promise<string[]> {
  const lines = (await metrics.text()).split("\n");
  return lines.filter((line) => line.replace(/^# (HELP|TYPE) /, "").startsWith(name));
}

function define(metrics: Metrics): void {
  const colours = metrics.counter("palaver_balls_total", "Balls seen.", ["colour"]);
  colours.inc({ colour: "red" });
  colours.inc({ colour: "red" }, 2);
  colours.inc({ colour: "blue" }, 0);
}

it("counts by label, and shows what has not happened yet as 0", async () => {
  const metrics = createMetrics();
  define(metrics);
  const plain = metrics.counter("palaver_bells_total", "Bells heard.");
  plain.inc();
  plain.inc({}, 4);
  expect(await said(metrics, "palaver_b")).toEqual([
    "# HELP palaver_balls_total Balls seen.",
    "# TYPE palaver_balls_total counter",
    'palaver_balls_total{colour="red"} 3',
    'palaver_balls_total{colour="blue"} 0',
    "# HELP palaver_bells_total Bells heard.",
    "# TYPE palaver_bells_total counter",
    "palaver_bells_total 5",
  ]);
});

it("reads a gauge when somebody looks, and forgets the labels that are gone", async () => {
  const metrics = createMetrics();
  const open = new Map([
    ["Subscribe", 2],
    ["WatchChats", 1],
  ]);
  metrics.gauge("palaver_streams", "Open streams.", () => open.size);
  metrics.gauge(
    "palaver_streams_by_method",
    "Open streams of each method.",
    () => [...open].map(([method, value]) => ({ labels: { method }, value })),
    ["method"],
  );
  expect(await said(metrics, "palaver_streams")).toContain("palaver_streams 2");
  open.delete("Subscribe");
  expect(await said(metrics, "palaver_streams")).toEqual([
    "# HELP palaver_streams Open streams.",
    "# TYPE palaver_streams gauge",
    "palaver_streams 1",
    "# HELP palaver_streams_by_method Open streams of each method.",
    "# TYPE palaver_streams_by_method gauge",
    'palaver_streams_by_method{method="WatchChats"} 1',
  ]);
});

it("puts values into the buckets given", async () => {
  const metrics = createMetrics();
  const seconds = metrics.histogram("palaver_wait_seconds", "Waits.", {
    buckets: [0.1, 1],
    labelNames: ["kind"],
  });
  seconds.observe(0.1, { kind: "new" });
  seconds.observe(3, { kind: "new" });
  expect(await said(metrics, "palaver_wait_seconds_")).toEqual([
    'palaver_wait_seconds_bucket{le="0.1",kind="new"} 1',
    'palaver_wait_seconds_bucket{le="1",kind="new"} 1',
    'palaver_wait_seconds_bucket{le="+Inf",kind="new"} 2',
    'palaver_wait_seconds_sum{kind="new"} 3.1',
    'palaver_wait_seconds_count{kind="new"} 2',
  ]);
});

it("keeps the replicas of one process apart, and tells each of the process they share", async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  define(one);
  expect(await said(other, "palaver_")).toEqual([]);
  for (const metrics of [one, other])
    expect(await metrics.text()).toMatch(/^process_resident_memory_bytes \d+$/m);
});

it("refuses a second metric of the same name", () => {
  const metrics = createMetrics();
  define(metrics);
  expect(() => define(metrics)).toThrow("palaver_balls_total");
});

it("counts nothing where nobody reads", () => {
  expect(() => {
    define(noMetrics);
    define(noMetrics);
    noMetrics.gauge("palaver_never", "Never read.", () => {
      throw new Error("it was read");
    });
  }).not.toThrow();
});
