import { Child } from "../kit/child.js";
import { measureStep, perDelivery } from "../kit/fan-out.js";
import { type GrownDatabase, growDatabase, owner } from "../kit/grown-databases.js";
import { join } from "../kit/join.js";
import { type Palaver, startPalaver } from "../kit/palaver.js";
import { scriptOf } from "../kit/scripts.js";
import { type Group, Subscribers } from "../kit/subscribers.js";
import type { BenchCase, BenchRun } from "../run/bench-case.js";
import { Resources } from "../run/resources.js";
import { alternate, type Measurement } from "../run/rounds.js";
import { median } from "../run/statistics.js";
import { LightClient } from "../kit/light-client.js";
import { firstDeltas } from "./p8-first-delta.js";

/** What is measured in both databases. */
interface Place {
  readonly server: Palaver;
  /** The next of its chats: none is asked for twice in a row, so that what is read is as cold as it would be. */
  readonly shortChat: () => string;
  readonly longChat: () => string;
}

/**
 * The same things in a database that has grown, on a replica on which many chats are watched, and in one with hardly anything in it. The
 * floor is the latter.
 */
export const growth: BenchCase = {
  id: "P11",
  title: "growth: bars with much stored and watched, against the same with little",
  run: async (bench) => {
    const messagesPerChat = bench.pick(100, 20);
    const little = await growDatabase(bench, { chats: 200, messagesPerChat });
    const much = await growDatabase(bench, { chats: bench.pick(100_000, 1_000), messagesPerChat });
    tellSize(bench, much);
    await compareTransitions(bench, much, little);
    await using resources = new Resources();
    const grown = await open(bench, much, resources);
    const fresh = await open(bench, little, resources);
    const watchers = resources.use(new Subscribers());
    // Not those in which turns are taken: their deltas would count as more of what the watchers check.
    const watched = [...much.longChats, ...secondHalf(much.shortChats)].slice(0, bench.pick(10_000, 200));
    const groups: Group[] = [];
    // Little by little: that they come is P13's.
    for (let at = 0; at < watched.length; at += 200) {
      const chatIds = watched.slice(at, at + 200);
      const group = { wire: "grpc", chatIds, count: chatIds.length, connections: 2 } as const;
      groups.push(await watchers.open({ ...group, url: grown.server.url }));
    }
    await compareCalls(bench, grown, fresh);
    await compareFirstDelta(bench, grown, fresh);
    await compareFanOut(bench, { grown, fresh, watched: watched.length });
    const faults = (await Promise.all(groups.map((group) => group.tally()))).flatMap((tally) => tally.faults);
    if (faults.length > 0) throw new Error(`of those who watch: ${faults.slice(0, 3).join("; ")}`);
  },
};

const bar = { of: "ratio", is: "at most", goal: 1.1 } as const;

const fanOut = { count: 100, connections: 100, script: "to-100" };

function shapeOfStep({ pick }: BenchRun) {
  // Longer than the pause between two looks at what is watched.
  return { deltas: pick(1_200, 60), deltaBytes: 120, intervalMs: 10 };
}

async function open(bench: BenchRun, data: GrownDatabase, resources: Resources): Promise<Place> {
  const scripts = [
    scriptOf("stays", { deltas: 1, deltaBytes: 16, intervalMs: 0, staysMs: 3_600_000 }),
    scriptOf(fanOut.script, shapeOfStep(bench)),
  ];
  const server = resources.use(await startPalaver({ bench, databaseUrl: data.url, scripts }));
  return { server, shortChat: inTurn(data.shortChats), longChat: inTurn(data.longChats) };
}

function inTurn(ids: readonly string[]): () => string {
  let next = 0;
  return () => ids[next++ % ids.length] ?? "";
}

function tellSize(bench: BenchRun, { filledInSeconds, bytes }: GrownDatabase): void {
  bench.report({ id: "P11", case: "to fill the database", unit: "s", runs: [{ value: filledInSeconds }] });
  bench.report({ id: "P11", case: "its size", unit: "GiB", runs: [{ value: bytes / 2 ** 30 }] });
}

/** P7 without a server around it, which would take the turns for its own. */
async function compareTransitions(
  bench: BenchRun,
  much: GrownDatabase,
  little: GrownDatabase,
): Promise<void> {
  await using child = new Child({ module: "bench/kit/transitions-process.ts" });
  const seconds = bench.pick(5, 1);
  const msEach = async (data: GrownDatabase, owned: object): Promise<Measurement> => {
    const run = { databaseUrl: data.url, seconds, lanes: 8, ...owned };
    const { perSecond } = await child.ask<{ perSecond: number }>("run", run);
    return { value: 1_000 / perSecond };
  };
  for (const { name, ownedIn } of [
    { name: "new chats", ownedIn: () => ({}) },
    {
      name: "stored chats",
      // As many of them in both: who takes turns in more remembers fewer of them.
      ownedIn: ({ shortChats }: GrownDatabase) => ({
        chatIds: spread(secondHalf(shortChats), secondHalf(little.shortChats).length),
        owner,
      }),
    },
  ]) {
    const runs = await alternate(bench.rounds, {
      ours: () => msEach(much, ownedIn(much)),
      floor: () => msEach(little, ownedIn(little)),
    });
    bench.report({ id: "P11", case: `P7 transition, 8 at a time, ${name}`, unit: "ms", bar, runs });
  }
}

/** So many of them, from all over. */
function spread(chatIds: readonly string[], count: number): readonly string[] {
  const step = Math.max(1, Math.floor(chatIds.length / count));
  return chatIds.filter((_id, index) => index % step === 0).slice(0, count);
}

/** They get longer here: what else is measured begins with the first half. */
function secondHalf(chatIds: readonly string[]): readonly string[] {
  return chatIds.slice(Math.ceil(chatIds.length / 2));
}

/** What a client does that comes to a stored chat. */
async function compareCalls(bench: BenchRun, grown: Place, fresh: Place): Promise<void> {
  const times = bench.pick(200, 10);
  const calls: Readonly<Record<string, (place: Place) => Promise<unknown>>> = {
    "Subscribe to a long chat, to caught_up": ({ server, longChat }) =>
      join(server.client, { chatId: longChat() }),
    "ListMessages of a long chat, 1,000": async ({ server, longChat }) => {
      const { messages } = await server.client.listMessages({ chatId: longChat(), pageSize: 1_000 });
      if (messages.length === 0) throw new Error("a stored chat has no messages");
    },
    "ListChats, first 50": async ({ server }) => {
      const { chats } = await server.client.listChats({ pageSize: 50 });
      if (chats.length !== 50) throw new Error(`${chats.length} chats on a page`);
    },
  };
  for (const [name, call] of Object.entries(calls)) {
    const p50 = async (place: Place): Promise<Measurement> => {
      const ms: number[] = [];
      for (let time = 0; time < times; time++) {
        const beganMs = performance.now();
        await call(place);
        ms.push(performance.now() - beganMs);
      }
      return { value: median(ms) };
    };
    const runs = await alternate(bench.rounds, { ours: () => p50(grown), floor: () => p50(fresh) });
    bench.report({ id: "P11", case: `${name}, p50`, unit: "ms", bar, runs });
  }
}

async function compareFirstDelta(bench: BenchRun, grown: Place, fresh: Place): Promise<void> {
  const times = bench.pick(100, 15);
  const p50 = async ({ server, shortChat }: Place): Promise<Measurement> => {
    using client = new LightClient(server.url);
    return { value: median(await firstDeltas(shortChat(), { worker: client, watcher: client }, times)) };
  };
  const runs = await alternate(bench.rounds, { ours: () => p50(grown), floor: () => p50(fresh) });
  bench.report({ id: "P11", case: "P8 send to first delta, stored chat, p50", unit: "ms", bar, runs });
}

/** P1 beside all those who only watch. */
async function compareFanOut(
  bench: BenchRun,
  { grown, fresh, watched }: { grown: Place; fresh: Place; watched: number },
): Promise<void> {
  await using subscribers = new Subscribers();
  const { count, connections, script } = fanOut;
  const shape = shapeOfStep(bench);
  const listen = async ({ server }: Place) => {
    const chatId = await server.createChat();
    const group = await subscribers.open({
      url: server.url,
      wire: "grpc",
      chatIds: [chatId],
      count,
      connections,
    });
    return { server, chatId, group };
  };
  const cost = async ({ server, chatId, group }: { server: Palaver; chatId: string; group: Group }) => {
    const begin = (): Promise<void> => server.say(chatId, "go", `scripted/${script}`);
    return perDelivery(await measureStep({ server: server.child, subscribers, group, count, shape, begin }));
  };
  const [ours, floor] = [await listen(grown), await listen(fresh)];
  const runs = await alternate(bench.rounds, { ours: () => cost(ours), floor: () => cost(floor) });
  bench.report({
    id: "P11",
    case: `P1 S=100 grpc, ${watched} others watch`,
    unit: "µs CPU/delivery",
    bar,
    runs,
  });
}
