import { randomUUID } from "node:crypto";
import { Child } from "../kit/child.js";
import type { BenchCase } from "../run/bench-case.js";
import { alternate } from "../run/rounds.js";
import { median } from "../run/statistics.js";

/** The bus of two replicas, without the rest of them. */
export const notifications: BenchCase = {
  id: "P14",
  title: "notifications between replicas",
  run: async (bench) => {
    const servers = await bench.natsUrl();
    await using here = new Child({ module: "bench/kit/bus-process.ts" });
    await using there = new Child({ module: "bench/kit/bus-process.ts" });
    await Promise.all([here, there].map((replica) => replica.ask("connect", { servers })));

    const total = bench.pick(100_000, 10_000);
    const published = await alternate(bench.rounds, {
      ours: async () => {
        const before = await here.usage();
        const value = await here.ask<number>("publish", { total });
        const { cpuUs } = await here.usage();
        return { value, cpuServer: ((cpuUs - before.cpuUs) * value) / (total * 1_000_000) };
      },
    });
    bench.report({
      id: "P14",
      case: "acknowledged publishes",
      unit: "notifications/s",
      bar: { of: "value", is: "at least", goal: 80_000 },
      runs: published,
    });

    const times = bench.pick(200, 40);
    const woken = await alternate(bench.rounds, {
      ours: async () => {
        const chatId = randomUUID();
        await there.ask("watch", { chatId, times });
        const saidUs = await here.ask<number[]>("say", { chatId, times });
        const heardUs = await there.ask<number[]>("heard");
        return { value: median(heardUs.map((us, index) => us - (saidUs[index] ?? Number.NaN))) / 1_000 };
      },
    });
    bench.report({
      id: "P14",
      case: "publish to wake on another replica, p50",
      unit: "ms",
      bar: { of: "value", is: "at most", goal: 1 },
      runs: woken,
    });
  },
};
