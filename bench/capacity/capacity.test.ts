import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { root } from "../kit/child.js";
import { documentPath, referencePath, replaceBlock } from "./document.js";
import { fleetOf, limitsOf, postgresShare } from "./fleet.js";
import { loadOf } from "./load.js";
import { type BenchFile, benchFileSchema, measuredOf, rowsUsed } from "./measured.js";
import { capacityOf, markdownOf } from "./report.js";
import { spreadOf } from "./spread.js";
import { stormOf } from "./storm.js";
import { workloadFlags, workloadSchema } from "./workload.js";

const results: BenchFile = [
  { id: "P1", case: "S=1 grpc", value: 25, cpu_server: 0.03 },
  { id: "P1", case: "S=100 grpc", value: 10, cpu_server: 0.1 },
  { id: "P1", case: "S=1000 grpc", value: 16, cpu_server: 0.1 },
  { id: "P4", case: "the worker's side", value: 4, cpu_server: null },
  { id: "P4", case: "the other side", value: 5, cpu_server: null },
  { id: "P7", case: "send, acquire, begin, commit step, finish", value: 3_500, cpu_server: 0.8 },
  { id: "P9", case: "idle, own connections", value: 26_000, cpu_server: null },
  { id: "P10", case: "alone (1.0 deltas/response)", value: 60, cpu_server: null },
  { id: "P13", case: "2000 on 50 chats and 20 connections", value: 2_600, cpu_server: 0.9 },
  { id: "P14", case: "acknowledged publishes", value: 82_000, cpu_server: 0.95 },
];
const measured = measuredOf(results);
const standard = workloadSchema.parse({});

/** What anybody might give. */
const workloads = fc
  .record({
    subscribersPerChat: fc.double({ min: 1, max: 50, noNaN: true }),
    inTurn: fc.double({ min: 0.001, max: 1, noNaN: true }),
    turnSeconds: fc.integer({ min: 1, max: 600 }),
    modelSteps: fc.integer({ min: 1, max: 9 }),
    affinity: fc.constantFrom(0, 0.5, 1),
    workers: fc.constantFrom(0.1, 1),
    reconnectsPerHour: fc.integer({ min: 0, max: 60 }),
    listWatchers: fc.constantFrom(0, 1),
    utilisation: fc.constantFrom(0.3, 0.5, 0.9),
  })
  .map((given) => workloadSchema.parse(given));
const sizes = fc.integer({ min: 1, max: 2_000_000 });

describe("what was measured", () => {
  it("is read from the rows of a whole or of a quick run", () => {
    expect(measured.subscribeCpu).toBeCloseTo(1 / 2_600, 10);
    expect(measured.transitionCpu).toBeCloseTo(0.8 / 3_500, 10);
    expect(measured.deltaOverheadBytes).toBe(56);
    const quick = results.map((row) =>
      row.id === "P13" ? { ...row, case: row.case.replace("2000", "300") } : row,
    );
    expect(measuredOf(quick)).toEqual(measured);
  });

  it("names all bars that have to be run where rows are missing", () => {
    const some = results.filter(({ id }) => id !== "P4" && id !== "P13");
    expect(() => measuredOf(some)).toThrow(/the other side.*npm run bench -- P4 P13 --json FILE/);
  });

  it("takes a difference below nothing for nothing, and no other number", () => {
    const change = (id: string, more: object): BenchFile =>
      results.map((row) => (row.id === id ? { ...row, ...more } : row));
    expect(measuredOf(change("P4", { value: -3 })).relayWorkerCpu).toBe(0);
    expect(() => measuredOf(change("P7", { value: 0 }))).toThrow('P7 "send, acquire');
    expect(() => measuredOf(change("P14", { cpu_server: null }))).toThrow("npm run bench -- P14");
  });

  it("rows that the model does not use are left out of what is kept", () => {
    const more = { id: "P5", case: "most events", value: 4, cpu_server: null };
    expect(rowsUsed([more, ...results])).toEqual(results);
  });
});

describe("a fleet", () => {
  it("of more subscribers never needs fewer replicas, and never does less", () => {
    fc.assert(
      fc.property(workloads, sizes, sizes, (workload, one, other) => {
        const [few, many] = one < other ? [one, other] : [other, one];
        const [small, large] = [fleetOf(measured, workload, few), fleetOf(measured, workload, many)];
        for (const by of ["byCpu", "byMemory", "byStorm", "replicas"] as const)
          expect(large[by]).toBeGreaterThanOrEqual(small[by]);
        const [less, more] = [few, many].map((subscribers) => loadOf(measured, workload, subscribers, 7));
        if (less === undefined || more === undefined) throw new Error("no load");
        expect(postgresShare(more)).toBeGreaterThanOrEqual(postgresShare(less));
        expect(more.nats.share).toBeGreaterThanOrEqual(less.nats.share);
      }),
    );
  });

  it("has as few replicas as carry it, and one fewer would not", () => {
    fc.assert(
      fc.property(workloads, sizes, (workload, subscribers) => {
        const { byCpu } = fleetOf(measured, workload, subscribers);
        const busy = (replicas: number): number =>
          loadOf(measured, workload, subscribers, replicas).cpuCores / replicas;
        fc.pre(Number.isFinite(byCpu));
        expect(busy(byCpu)).toBeLessThanOrEqual(workload.utilisation);
        if (byCpu > 1) expect(busy(byCpu - 1)).toBeGreaterThan(workload.utilisation);
      }),
    );
  });

  it("relays nothing where one replica has all, or where subscribers are brought to the turn", () => {
    expect(loadOf(measured, standard, 5_000, 1)).toMatchObject({ relayStreams: 0, relayBytes: 0 });
    const brought = workloadSchema.parse({ affinity: 1 });
    expect(loadOf(measured, brought, 5_000, 20)).toMatchObject({ relayStreams: 0, relayBytes: 0 });
    const { relayStreams, turns } = loadOf(measured, standard, 5_000, 20);
    // Nearly each turn is watched elsewhere, some on two replicas.
    expect(relayStreams).toBeGreaterThan(turns);
  });

  it("looks for work less where fewer of its replicas run turns, and where fewer turns are announced", () => {
    const searched = (options: { workers?: number; announced?: number }): number =>
      loadOf(measured, workloadSchema.parse(options), 1_000_000, 100).postgres["search for work"].share;
    expect(searched({ workers: 0.2 })).toBeLessThan(searched({}) / 2);
    expect(searched({ announced: 1 })).toBeGreaterThan(searched({}) * 1.5);
    expect(searched({ announced: 0.01 })).toBeLessThan(searched({}) / 2);
  });

  it("has the figures that follow from the workload by hand", () => {
    const { chats, turns, turnRate, deliveries, postgres } = loadOf(measured, standard, 120_000, 10);
    expect([chats, turns, deliveries]).toEqual([100_000, 5_000, 300_000]);
    // Of three steps: send with acquire and begin, 2 × begin, start calls, 3 × commit, the last with a finish.
    expect(postgres.transitions.transactions).toBeCloseTo(turnRate * 7, 6);
    expect(postgres.checkpoints).toMatchObject({ transactions: 20, rowsWritten: 20_000 });
    // The regular beat: one write and one read.
    expect(postgres.leases.transactions).toBeCloseTo((10 / 3) * 2, 6);
    // To all, that there is work: those who do not run the chat.
    expect(postgres["search for work"].transactions).toBeLessThanOrEqual(10 * 100);
  });

  it("asks for more where the reason is another", () => {
    const { decides } = fleetOf(measured, workloadSchema.parse({ inTurn: 0.0001 }), 500_000);
    expect(decides).toBe("memory");
    expect(fleetOf(measured, workloadSchema.parse({ stormSeconds: 0.001 }), 100_000).decides).toBe(
      "reconnect storm",
    );
    expect(fleetOf(measured, standard, 1_000_000).decides).toBe("CPU");
    expect(fleetOf(measured, standard, 10).decides).toBe("the least that is used");
  });
});

describe("limits", () => {
  it("stand where a part is full, the first first", () => {
    const limits = limitsOf(measured, standard);
    const shares = limits.map(({ subscribers }) => subscribers);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    const at = limits.find(({ part }) => part === "Postgres")?.subscribers ?? 0;
    expect(postgresShare(fleetOf(measured, standard, at).load)).toBeGreaterThan(1);
    expect(postgresShare(fleetOf(measured, standard, at - 1).load)).toBeLessThanOrEqual(1);
  });

  it("are farther away with a faster Postgres", () => {
    const firstOf = (postgres: number): number =>
      limitsOf(measured, workloadSchema.parse({ postgres }))[0]?.subscribers ?? 0;
    expect(firstOf(4)).toBeGreaterThan(firstOf(1));
  });

  it("end where no fleet can do it", () => {
    const crowded = capacityOf(measured, standard, [500_000_000]);
    expect(crowded.fleets[0]?.found).toBeUndefined();
    expect(markdownOf(crowded)).toContain("no fleet can");
  });
});

describe("spread", () => {
  const options = { chats: 100_000, replicas: 20, subscribersPerChat: 1.2, inTurn: 0.05, seed: 1 };

  it("is the same with the same seed, and has the busiest above the mean", () => {
    const spread = spreadOf(options);
    expect(spreadOf(options)).toEqual(spread);
    expect(spreadOf({ ...options, seed: 2 })).not.toEqual(spread);
    for (const { median, p99, busiest } of [spread.byChance, spread.byChat]) {
      expect(busiest).toBeGreaterThan(1);
      expect(p99).toBeGreaterThanOrEqual(median);
      expect(busiest).toBeGreaterThanOrEqual(p99);
    }
  });

  it("is even on one replica, and wider where chats have many subscribers that stay together", () => {
    const one = { median: 1, p99: 1, busiest: 1 };
    expect(spreadOf({ ...options, replicas: 1 })).toEqual({ byChance: one, byChat: one });
    const { byChance, byChat } = spreadOf({ ...options, subscribersPerChat: 30 });
    expect(byChat.busiest).toBeGreaterThan(byChance.busiest);
  });
});

describe("storm", () => {
  const options = { survivors: 4, perSecond: 1_000, how: "stops", balancerSeconds: 5, seed: 1 } as const;

  it("takes as long as the service does, and leaves nobody out", () => {
    const { seconds, longestQueue, longestWaitSeconds } = stormOf({
      ...options,
      survivors: 1,
      subscribers: 10_000,
    });
    // All come within a quarter of a second.
    expect(seconds).toBeGreaterThanOrEqual(10);
    expect(seconds).toBeLessThan(10.25);
    expect(longestWaitSeconds).toBeGreaterThan(9.75);
    expect(longestQueue).toBeGreaterThan(9_700);
    expect(stormOf({ ...options, subscribers: 0 })).toEqual({
      seconds: 0,
      longestQueue: 0,
      longestWaitSeconds: 0,
    });
  });

  it("is never longer where replicas serve faster", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_000 }),
        fc.integer({ min: 1, max: 5_000 }),
        (subscribers, perSecond) => {
          const slow = stormOf({ ...options, subscribers, perSecond });
          const fast = stormOf({ ...options, subscribers, perSecond: perSecond * 2 });
          expect(fast.seconds).toBeLessThanOrEqual(slow.seconds);
          expect(fast.longestWaitSeconds).toBeLessThanOrEqual(slow.longestWaitSeconds);
        },
      ),
    );
  });

  it("lasts as long as the load balancer sends some to the dead replica", () => {
    const dies = { ...options, how: "dies", subscribers: 5_000 } as const;
    expect(stormOf({ ...dies, balancerSeconds: 0 }).seconds).toBeLessThan(2);
    expect(stormOf({ ...dies, balancerSeconds: 20 }).seconds).toBeGreaterThan(4);
  });
});

describe("the page", () => {
  it("has the figures that the command prints of the results beside the model", () => {
    const reference = benchFileSchema.parse(JSON.parse(readFileSync(join(root, referencePath), "utf8")));
    const block = markdownOf(capacityOf(measuredOf(reference), standard, [1_000, 100_000, 1_000_000]));
    const page = readFileSync(join(root, documentPath), "utf8");
    expect(page).toBe(replaceBlock(page, block));
  });

  it("names flags that there are", () => {
    const page = readFileSync(join(root, documentPath), "utf8");
    const known = [
      ...workloadFlags.map(({ flag }) => flag.split(" ")[0]),
      "--subscribers",
      "--json",
      "--document",
      "--markdown",
      "--help",
    ];
    const named = [...page.matchAll(/--[a-z-]{3,}/g)].map(([flag]) => flag);
    expect(named.filter((flag) => !known.includes(flag))).toEqual([]);
  });
});

describe("the command", () => {
  it("takes numbers of the workload, and refuses those that cannot be", () => {
    const folder = mkdtempSync(join(tmpdir(), "palaver-capacity-"));
    try {
      const file = join(folder, "results.json");
      writeFileSync(file, JSON.stringify(results));
      const run = (...flags: string[]): { status: number | null; stdout: string; stderr: string } =>
        spawnSync(process.execPath, ["--import", "tsx", "bench/capacity.ts", file, ...flags], {
          cwd: root,
          encoding: "utf8",
        });
      const told = run("--subscribers", "2000", "--json", "--turn-seconds", "60");
      expect(told.stderr).toBe("");
      expect(JSON.parse(told.stdout)).toMatchObject({
        workload: { turnSeconds: 60 },
        fleets: [{ subscribers: 2_000, found: { fleet: { replicas: 2 } } }],
      });
      const refused = run("--in-turn", "5");
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain("inTurn");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
