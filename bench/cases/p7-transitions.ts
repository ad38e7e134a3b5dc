import { createBenchTables, pgbench } from "../floors/pgbench.js";
import { Child } from "../kit/child.js";
import type { BenchCase } from "../run/bench-case.js";
import { alternate } from "../run/rounds.js";

const lanes = 8;

/** The chat machine on Postgres, without a server around it. */
export const transitions: BenchCase = {
  id: "P7",
  title: "transitions at concurrency 8, against pgbench",
  run: async (bench) => {
    const databaseUrl = await bench.createDatabase();
    await createBenchTables(databaseUrl);
    const machines = await bench.createDatabase();
    await using child = new Child({
      module: "bench/kit/transitions-process.ts",
      nodeOptions: bench.serverNodeOptions,
    });
    const seconds = bench.pick(5, 1);
    const runs = await alternate(bench.rounds, {
      ours: async () => {
        const before = await child.usage();
        const beganMs = performance.now();
        const run = { databaseUrl: machines, seconds, lanes };
        const { perSecond } = await child.ask<{ perSecond: number }>("run", run);
        const after = await child.usage();
        const elapsedUs = (performance.now() - beganMs) * 1_000;
        return { value: perSecond, cpuServer: (after.cpuUs - before.cpuUs) / elapsedUs };
      },
      floor: async () => ({
        value: await pgbench(databaseUrl, { folder: bench.folder, seconds, clients: lanes }),
      }),
    });
    await child.terminate();
    bench.report({
      id: "P7",
      case: "send, acquire, begin, commit step, finish",
      unit: "transitions/s",
      bar: { of: "ratio", is: "at least", goal: 1, reject: 0.65 },
      runs,
    });
  },
};
