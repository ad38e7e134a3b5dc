import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { commitTimes, createBenchTables } from "../floors/pgbench.js";
import { LightClient } from "../kit/light-client.js";
import { startPair } from "../kit/pair.js";
import { scriptOf } from "../kit/scripts.js";
import type { BenchCase } from "../run/bench-case.js";
import { alternate } from "../run/rounds.js";
import { median } from "../run/statistics.js";

const turnsOfChat = 5;

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
    using worker = new LightClient(pair.worker.url);
    using remote = new LightClient(pair.remote.url);
    // A model gets the whole history each time: a long one would be what is measured.
    const inNewChats = async (watcher: LightClient, turns: number): Promise<number[]> => {
      const ms: number[] = [];
      while (ms.length < turns) {
        const chatId = await pair.worker.createChat();
        ms.push(...(await firstDeltas(chatId, { worker, watcher }, Math.min(turnsOfChat, turns))));
      }
      return ms;
    };
    for (const { name, watcher } of [
      { name: "same replica", watcher: worker },
      { name: "other replica", watcher: remote },
    ]) {
      // A program that has answered so few is one that Node.js has not translated yet.
      await inNewChats(watcher, bench.pick(1_000, turnsOfChat));
      const runs = await alternate(bench.rounds, {
        ours: async () => ({ value: median(await inNewChats(watcher, times)) }),
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
export async function firstDeltas(
  chatId: string,
  { worker, watcher }: { readonly worker: LightClient; readonly watcher: LightClient },
  times: number,
): Promise<number[]> {
  const message = {
    chatId,
    model: "scripted/stays",
    parts: [{ kind: { case: "text" as const, value: { text: "go" } } }],
  };
  const ms: number[] = [];
  let calls = Promise.resolve();
  let sentMs = 0;
  const send = async (): Promise<void> => {
    sentMs = performance.now();
    await worker.call("sendMessage", message);
  };
  let sent = 0;
  for await (const { arrivedMs, response } of watcher.subscribe(chatId)) {
    for (const { event } of response.events) {
      if (event.case === "messagePart" && ms.length < sent) {
        ms.push(arrivedMs - sentMs);
        calls = calls.then(() => worker.call("interruptChat", { chatId }));
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
  throw new Error(`the stream ended after ${ms.length} turns`);
}
