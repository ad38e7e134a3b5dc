import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { stepText } from "../kit/delta-text.js";
import { join } from "../kit/join.js";
import { startPalaver } from "../kit/palaver.js";
import { runStep } from "../kit/running-step.js";
import { scriptOf } from "../kit/scripts.js";
import type { BenchCase } from "../run/bench-case.js";
import { alternate } from "../run/rounds.js";
import { median } from "../run/statistics.js";

const deltas = 10_000;
const deltaBytes = 4;

/** Who comes in the midst of a long step, against who reads the same as a message. */
export const lateJoin: BenchCase = {
  id: "P5",
  title: "late join in a step of 10,000 deltas",
  run: async (bench) => {
    const shape = { deltas, deltaBytes, intervalMs: 0 };
    await using palaver = await startPalaver({
      bench,
      scripts: [scriptOf("runs", { ...shape, staysMs: 3_600_000 }), scriptOf("ends", shape)],
    });
    const text = stepText(deltas, deltaBytes);
    const { client } = palaver;
    const running = await runStep(palaver, { script: "runs", deltas });
    const { chatId: ended } = await runStep(palaver, { script: "ends", deltas });
    for (;;) {
      // Committed when the turn is over, which is about now.
      const { chat } = await client.getChat({ chatId: ended });
      if (chat?.status === ChatStatus.WAITING) break;
    }
    const times = bench.pick(50, 10);
    const events: number[] = [];
    const repeat = async (once: () => Promise<number>): Promise<{ value: number }> => {
      const ms: number[] = [];
      for (let time = 0; time < times; time++) ms.push(await once());
      return { value: median(ms) };
    };
    const runs = await alternate(bench.rounds, {
      ours: () =>
        repeat(async () => {
          const joined = await join(client, { chatId: running.chatId });
          if (joined.text !== text) throw new Error("a late joiner got another text");
          events.push(joined.events);
          return joined.ms;
        }),
      floor: () =>
        repeat(async () => {
          const beganMs = performance.now();
          const { messages } = await client.listMessages({ chatId: ended });
          const part = messages.at(-1)?.parts[0]?.kind;
          if (part?.case !== "text" || part.value.text !== text) throw new Error("not the message");
          return performance.now() - beganMs;
        }),
    });
    bench.report({
      id: "P5",
      case: "to caught_up, p50; floor: ListMessages",
      unit: "ms",
      bar: { of: "ratio", is: "at most", goal: 3 },
      runs,
    });
    bench.report({
      id: "P5",
      case: "most events",
      unit: "events",
      bar: { of: "value", is: "at most", goal: 50 },
      runs: [{ value: Math.max(...events) }],
    });
  },
};
