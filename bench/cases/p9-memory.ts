import { setTimeout as sleep } from "node:timers/promises";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { startFloor } from "../floors/floor.js";
import type { Child } from "../kit/child.js";
import { type Palaver, startPalaver } from "../kit/palaver.js";
import { scriptOf } from "../kit/scripts.js";
import { Subscribers } from "../kit/subscribers.js";
import type { BenchCase, BenchRun } from "../run/bench-case.js";

const gib = 2 ** 30;

/** What a subscriber that waits costs, as the growth of the whole process, and whether turns leave something behind. */
export const memory: BenchCase = {
  id: "P9",
  title: "memory: idle subscribers, many turns",
  run: async (bench) => {
    const count = bench.pick(2_000, 200);
    for (const { name, connections, goal, reject } of [
      { name: "own connections", connections: count, goal: 25_000, reject: 18_000 },
      { name: "50 to a connection", connections: count / 50, goal: 50_000, reject: 30_000 },
    ]) {
      const runs = [];
      // What a process has once grown by it keeps: each round is a new one.
      for (let round = 0; round < bench.rounds.count; round++) {
        await using palaver = await startPalaver({ bench });
        await using floor = await startFloor();
        const chatId = await palaver.createChat();
        const options = { chatId, count, connections };
        runs.push({
          value: gib / (await bytesEach(palaver.child, { ...options, url: palaver.url })),
          floor: gib / (await bytesEach(floor.child, { ...options, url: floor.url })),
        });
      }
      const bar = { of: "value", is: "at least", goal, reject } as const;
      bench.report({ id: "P9", case: `idle, ${name}`, unit: "subscribers/GiB", bar, runs });
    }
    await manyTurns(bench);
  },
};

async function bytesEach(
  server: Child,
  options: { url: string; chatId: string; count: number; connections: number },
): Promise<number> {
  await using subscribers = new Subscribers();
  const { url, chatId, count, connections } = options;
  const group = { url, wire: "grpc" as const, chatIds: [chatId] };
  // What the first ones cost is code that is loaded and compiled.
  await (await subscribers.open({ ...group, count: 50, connections: 50 })).close();
  const before = await settledRss(server);
  await subscribers.open({ ...group, count, connections });
  return Math.max(1, (await settledRss(server)) - before) / count;
}

/** Bytes, once collecting garbage frees no more: V8 gives pages that became free back to the system some time after. */
async function settledRss(server: Child): Promise<number> {
  let { rss } = await server.usage({ collect: true });
  for (let attempt = 0; attempt < 20; attempt++) {
    await sleep(500);
    const next = await server.usage({ collect: true });
    if (next.rss > rss * 0.995) return next.rss;
    rss = next.rss;
  }
  return rss;
}

/** The heap after so many turns, against the heap after a tenth of them. */
async function manyTurns(bench: BenchRun): Promise<void> {
  const turns = bench.pick(10_000, 200);
  await using palaver = await startPalaver({
    bench,
    scripts: [scriptOf("short", { deltas: 4, deltaBytes: 16, intervalMs: 0 })],
    // What is kept for resumption goes within the run.
    env: { PALAVER_RESUME_GRACE: "100ms" },
  });
  await takeTurns(palaver, turns / 10);
  const early = await palaver.child.usage({ collect: true });
  await takeTurns(palaver, turns - turns / 10);
  const late = await palaver.child.usage({ collect: true });
  bench.report({
    id: "P9",
    case: `heap after ${turns} turns by heap after ${turns / 10}`,
    unit: "×",
    bar: { of: "value", is: "at most", goal: 1.1, reject: 1.5 },
    runs: [{ value: late.heapUsed / early.heapUsed }],
  });
}

/** Ten in each chat, 8 chats at a time, watched. A client that leaves more than 33 streams a second is cut off by nghttp2. */
async function takeTurns({ createChat, client, say }: Palaver, turns: number): Promise<void> {
  const turnsOfChat = 10;
  let left = turns;
  const lane = async (): Promise<void> => {
    while ((left -= turnsOfChat) >= 0) {
      let said = 0;
      const chatId = await createChat();
      const leave = new AbortController();
      for await (const { events } of client.subscribe({ chatId }, { signal: leave.signal })) {
        const kinds = events.map(({ event }) => event);
        const isIdle = kinds.some(
          (event) => event.case === "status" && event.value.status === ChatStatus.WAITING,
        );
        if (!isIdle) continue;
        if (said === turnsOfChat) break;
        said += 1;
        await say(chatId, "go", "scripted/short");
      }
      leave.abort();
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}
