import { startFloor } from "../floors/floor.js";
import { compareFanOut } from "../kit/compare-fan-out.js";
import { stepText } from "../kit/delta-text.js";
import { type Palaver, startPalaver } from "../kit/palaver.js";
import { scriptOf, type StepShape } from "../kit/scripts.js";
import { Subscribers } from "../kit/subscribers.js";
import type { BenchCase } from "../run/bench-case.js";
import { alternate, type Measurement } from "../run/rounds.js";

const count = 100;

/** Many deltas at once, many subscribers on one connection, and as fast as a client of the usual kind takes them. */
export const merged: BenchCase = {
  id: "P2",
  title: "16 deltas per turn of the event loop; one connection; a stock client",
  run: async (bench) => {
    const burst: StepShape = {
      deltas: bench.pick(2_400, 480),
      deltaBytes: 120,
      intervalMs: 20,
      atOnce: 16,
    };
    const single: StepShape = { deltas: bench.pick(300, 60), deltaBytes: 120, intervalMs: 10 };
    const flood: StepShape = { deltas: bench.pick(50_000, 10_000), deltaBytes: 4, intervalMs: 0 };
    await using palaver = await startPalaver({
      bench,
      scripts: [scriptOf("burst", burst), scriptOf("single", single), scriptOf("flood", flood)],
    });
    await using floor = await startFloor();
    await using subscribers = new Subscribers();
    const common = { bench, palaver, floor, subscribers, wire: "grpc" as const, count };
    const unit = "µs CPU/delivery";
    bench.report({
      id: "P2",
      case: "S=100, 16 at once, own connections",
      unit,
      bar: { of: "ratio", is: "at most", goal: 2, reject: 4 },
      runs: await compareFanOut({ ...common, connections: count, shape: burst, script: "burst" }),
    });
    bench.report({
      id: "P2",
      case: "S=100 on one connection",
      unit,
      bar: { of: "ratio", is: "at most", goal: 1.5, reject: 2.5 },
      runs: await compareFanOut({ ...common, connections: 1, shape: single, script: "single" }),
    });
    bench.report({
      id: "P2",
      case: "one connect-node client",
      unit: "deltas/s",
      bar: { of: "value", is: "at least", goal: 300_000 },
      runs: await alternate(bench.rounds, { ours: () => drink(palaver, flood) }),
    });
  },
};

/** From the first delta to the last, with the client that everybody uses, which decodes them all. */
async function drink({ createChat, client, say, child }: Palaver, shape: StepShape): Promise<Measurement> {
  const chatId = await createChat();
  const leave = new AbortController();
  let beganMs = 0;
  let seq = 0n;
  let text = "";
  let before = await child.usage();
  for await (const { events } of client.subscribe({ chatId }, { signal: leave.signal })) {
    for (const { event } of events) {
      if (event.case === "caughtUp") {
        before = await child.usage();
        beganMs = performance.now();
        // Not waited for: what it starts comes here.
        say(chatId, "go", "scripted/flood").catch((error: unknown) => leave.abort(error));
      }
      if (event.case !== "messagePart") continue;
      const { firstSeq, part } = event.value;
      if (firstSeq !== seq + 1n) throw new Error(`delta ${firstSeq} came after ${seq}`);
      seq = event.value.seq;
      text += part?.kind.case === "text" ? part.kind.value.text : "";
    }
    if (seq >= BigInt(shape.deltas)) break;
  }
  const elapsedMs = performance.now() - beganMs;
  const after = await child.usage();
  leave.abort();
  if (text !== stepText(shape.deltas, shape.deltaBytes)) throw new Error("the text is not what was said");
  return {
    value: (shape.deltas / elapsedMs) * 1_000,
    cpuServer: (after.cpuUs - before.cpuUs) / (elapsedMs * 1_000),
  };
}
