import { startFloor } from "../floors/floor.js";
import { compareFanOut } from "../kit/compare-fan-out.js";
import { startPalaver } from "../kit/palaver.js";
import { scriptOf, type StepShape } from "../kit/scripts.js";
import { Subscribers } from "../kit/subscribers.js";
import type { BenchCase, BenchRun } from "../run/bench-case.js";
import type { Bar } from "../run/result.js";

interface Size {
  readonly count: number;
  readonly shape: StepShape;
  readonly bar: Bar;
}

function sizes({ pick }: BenchRun): readonly Size[] {
  const ratio = (goal: number, reject: number): Bar => ({ of: "ratio", is: "at most", goal, reject });
  const deltaBytes = 120;
  // Far below what either side can carry: a server that falls behind merges, and would be cheaper for it.
  return [
    {
      count: 1,
      shape: { deltas: pick(2_400, 600), deltaBytes, intervalMs: 1 },
      bar: ratio(1.5, 2),
    },
    {
      count: 100,
      shape: { deltas: pick(300, 60), deltaBytes, intervalMs: 10 },
      bar: ratio(1.3, 1.6),
    },
    {
      count: 1_000,
      shape: { deltas: pick(20, 8), deltaBytes, intervalMs: 250 },
      bar: ratio(1.4, 2),
    },
  ];
}

/** From the turn to the wire, each subscriber on a connection of its own. */
export const fanOut: BenchCase = {
  id: "P1",
  title: "fan-out of live deltas, own connections",
  run: async (bench) => {
    const all = sizes(bench);
    await using palaver = await startPalaver({
      bench,
      scripts: all.map(({ count, shape }) => scriptOf(`to-${count}`, shape)),
    });
    await using floor = await startFloor();
    await using subscribers = new Subscribers();
    for (const { count, shape, bar } of all) {
      for (const wire of ["grpc", "connect"] as const) {
        const script = `to-${count}`;
        const group = { wire, count, connections: count, shape, script };
        const runs = await compareFanOut({ bench, palaver, floor, subscribers, ...group });
        bench.report({ id: "P1", case: `S=${count} ${wire}`, unit: "µs CPU/delivery", bar, runs });
      }
    }
  },
};
