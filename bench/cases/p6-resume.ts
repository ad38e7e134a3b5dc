import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { startFloor } from "../floors/floor.js";
import { stepText } from "../kit/delta-text.js";
import { join } from "../kit/join.js";
import { startPalaver } from "../kit/palaver.js";
import { runStep } from "../kit/running-step.js";
import { scriptOf } from "../kit/scripts.js";
import type { BenchCase } from "../run/bench-case.js";
import { alternate } from "../run/rounds.js";
import { median } from "../run/statistics.js";

const deltas = 1_000;
const deltaBytes = 4;

/** Who lost the connection somewhere in a step and comes back at its end. The floor sends a backlog of half of it and looks for nothing. */
export const resume: BenchCase = {
  id: "P6",
  title: "resume at a random cursor of 1,000 deltas",
  run: async (bench) => {
    await using palaver = await startPalaver({
      bench,
      scripts: [scriptOf("runs", { deltas, deltaBytes, intervalMs: 1, staysMs: 3_600_000 })],
    });
    await using floor = await startFloor();
    await floor.backlog(deltas / 2, deltaBytes);
    const sessions = new Http2SessionManager(floor.url);
    const ofFloor = createClient(
      ChatService,
      createGrpcTransport({ baseUrl: floor.url, sessionManager: sessions }),
    );
    const text = stepText(deltas, deltaBytes);
    const { chatId, cursors } = await runStep(palaver, { script: "runs", deltas });
    const times = bench.pick(200, 20);
    // The same places each time, all over the step.
    let place = 1;
    const anyCursor = (): (typeof cursors)[number] => {
      place = (place * 48_271) % 0x7fffffff;
      return cursors[place % cursors.length] ?? { cursor: "", seq: 0 };
    };
    const runs = await alternate(bench.rounds, {
      ours: async () => {
        const ms: number[] = [];
        for (let time = 0; time < times; time++) {
          const { cursor, seq } = anyCursor();
          const joined = await join(palaver.client, { chatId, cursor });
          if (joined.text !== text.slice(seq * deltaBytes)) throw new Error(`after ${seq} came another text`);
          ms.push(joined.ms);
        }
        return { value: median(ms) };
      },
      floor: async () => {
        const ms: number[] = [];
        for (let time = 0; time < times; time++) ms.push((await join(ofFloor, { chatId })).ms);
        return { value: median(ms) };
      },
    });
    sessions.abort();
    bench.report({
      id: "P6",
      case: "to caught_up, p50",
      unit: "ms",
      bar: { of: "value", is: "at most", goal: 3 },
      runs,
    });
  },
};
