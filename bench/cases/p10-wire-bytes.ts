import { measureStep, type Window } from "../kit/fan-out.js";
import { startPalaver } from "../kit/palaver.js";
import { scriptOf, type StepShape } from "../kit/scripts.js";
import { Subscribers } from "../kit/subscribers.js";
import type { BenchCase } from "../run/bench-case.js";
import { alternate } from "../run/rounds.js";

/** All that comes over a subscriber's connection, frames included, for each delta of 4 characters. */
export const wireBytes: BenchCase = {
  id: "P10",
  title: "bytes on the wire per 4-character delta, gRPC",
  run: async (bench) => {
    const alone: StepShape = { deltas: bench.pick(600, 200), deltaBytes: 4, intervalMs: 3 };
    const together: StepShape = { ...alone, deltas: bench.pick(9_600, 3_200), atOnce: 16 };
    await using palaver = await startPalaver({
      bench,
      scripts: [scriptOf("alone", alone), scriptOf("together", together)],
    });
    await using subscribers = new Subscribers();
    for (const { script, shape, goal } of [
      { script: "alone", shape: alone, goal: 64 },
      { script: "together", shape: together, goal: 24 },
    ]) {
      const chatId = await palaver.createChat();
      const group = await subscribers.open({
        url: palaver.url,
        wire: "grpc",
        chatIds: [chatId],
        count: 1,
        connections: 1,
      });
      let window: Window | undefined;
      const runs = await alternate(bench.rounds, {
        ours: async () => {
          window = await measureStep({
            server: palaver.child,
            subscribers,
            group,
            count: 1,
            shape,
            begin: () => palaver.say(chatId, "go", `scripted/${script}`),
          });
          return { value: window.wireBytesPerDelivery };
        },
      });
      const merged = window?.deltasPerResponse.toFixed(1) ?? "";
      const name = script === "alone" ? "alone" : "16 at once";
      bench.report({
        id: "P10",
        case: `${name} (${merged} deltas/response)`,
        unit: "bytes/delta",
        bar: { of: "value", is: "at most", goal },
        runs,
      });
      await group.close();
    }
  },
};
