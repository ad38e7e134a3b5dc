import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { commitTimes, createBenchTables } from "../floors/pgbench.js";
import { startPair } from "../kit/pair.js";
import type { Palaver } from "../kit/palaver.js";
import { scriptOf } from "../kit/scripts.js";
import type { BenchCase } from "../run/bench-case.js";
import { alternate } from "../run/rounds.js";
import { median } from "../run/statistics.js";

/** From the call of SendMessage to the first delta that a subscriber has; the model answers at once. */
export const firstDelta: BenchCase = {
  id: "P8",
  title: "send to first delta, model excluded",
  run: async (bench) => {
    const databaseUrl = await bench.createDatabase();
    await createBenchTables(databaseUrl);
    await using pair = await startPair(bench, {
      // It goes on until it is interrupted: a step that is over at once is not shown on other replicas.
      scripts: [scriptOf("stays", { deltas: 1, deltaBytes: 16, intervalMs: 0, staysMs: 3_600_000 })],
    });
    const times = bench.pick(100, 15);
    for (const { name, watcher } of [
      { name: "same replica", watcher: pair.worker },
      { name: "other replica", watcher: pair.remote },
    ]) {
      const runs = await alternate(bench.rounds, {
        ours: async () => ({ value: median(await firstDeltas(pair.worker, watcher, times)) }),
        floor: async () => ({ value: median(await commitTimes(databaseUrl, times * 3)) }),
      });
      bench.report({
        id: "P8",
        case: `${name}, p50; floor: one commit`,
        unit: "ms",
        bar: { of: "ratio", is: "at most", goal: 3 },
        runs,
      });
    }
  },
};

/** One chat, one turn after the other: each is interrupted when its first delta has come. */
export async function firstDeltas(worker: Palaver, watcher: Palaver, times: number): Promise<number[]> {
  const chatId = await worker.createChat();
  const leave = new AbortController();
  const ms: number[] = [];
  let calls = Promise.resolve<unknown>(undefined);
  let sentMs = 0;
  const send = async (): Promise<void> => {
    sentMs = performance.now();
    await worker.say(chatId, "go", "scripted/stays");
  };
  try {
    let sent = 0;
    for await (const { events } of watcher.client.subscribe({ chatId }, { signal: leave.signal })) {
      const arrivedMs = performance.now();
      for (const { event } of events) {
        if (event.case === "messagePart" && ms.length < sent) {
          ms.push(arrivedMs - sentMs);
          calls = calls.then(() => worker.client.interruptChat({ chatId }));
        }
        const isIdle = event.case === "status" && event.value.status === ChatStatus.WAITING;
        if (event.case !== "caughtUp" && !(isIdle && sent > 0 && ms.length === sent)) continue;
        // A call that failed says so here.
        await calls;
        if (ms.length === times) return ms;
        sent += 1;
        calls = send();
      }
    }
  } finally {
    leave.abort();
  }
  throw new Error(`the stream ended after ${ms.length} turns`);
}
