import { setTimeout as sleep } from "node:timers/promises";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { type Floor, startFloor } from "../floors/floor.js";
import type { Child } from "../kit/child.js";
import { checkDelivered } from "../kit/fan-out.js";
import {
  type PacedModel,
  pacedModelName,
  type PacedPlan,
  planText,
  startPacedModel,
} from "../kit/paced-model.js";
import { startPair } from "../kit/pair.js";
import type { Palaver } from "../kit/palaver.js";
import { scriptOf, type StepShape } from "../kit/scripts.js";
import { Subscribers } from "../kit/subscribers.js";
import type { BenchCase, BenchRun } from "../run/bench-case.js";
import type { Bar, Run } from "../run/result.js";
import { alternate, takeTurns } from "../run/rounds.js";

type Pair = Awaited<ReturnType<typeof startPair>>;

const deltaBytes = 120;

/** What it takes that a chat is watched on another replica than the one that runs it. */
export const relay: BenchCase = {
  id: "P4",
  title: "the relay between replicas",
  run: async (bench) => {
    const bursts: StepShape = { deltas: bench.pick(16_000, 960), deltaBytes, intervalMs: 4, atOnce: 16 };
    await using model = await startPacedModel();
    await using pair = await startPair(bench, { scripts: [scriptOf("bursts", bursts)], env: model.env });
    await using floor = await startFloor();
    await using hop = await startFloor();
    await hop.relayFrom(floor.url);
    await using subscribers = new Subscribers();
    await addedLatency(bench, { pair, model, floor, hop, subscribers });
    await using alone = await startFloor();
    await cpuOfBothSides(bench, { pair, floors: { alone, floor, hop }, subscribers, bursts });
  },
};

/** What a subscriber there waits longer than one here. One after the other: a process that reads both streams wakes up for the first. */
async function addedLatency(
  bench: BenchRun,
  {
    pair,
    model,
    floor,
    hop,
    subscribers,
  }: {
    pair: Pair;
    model: PacedModel;
    floor: Floor;
    hop: Floor;
    subscribers: Subscribers;
  },
): Promise<void> {
  const plan: PacedPlan = { deltas: bench.pick(400, 100), deltaBytes, perSecond: 100 };
  const chatId = await pair.worker.createChat();
  const p50Us = async (url: string, begin: () => Promise<void>): Promise<number> => {
    const one = { url, wire: "grpc", chatIds: [chatId], count: 1, connections: 1, deltaBytes } as const;
    const group = await subscribers.open(one);
    await group.expect();
    const saying = begin();
    await group.reach(plan.deltas);
    await saying;
    checkDelivered(await group.tally(), { count: 1, shape: plan });
    const { p50Us: travelUs } = await group.travel();
    await group.close();
    return travelUs;
  };
  const measure = async (
    near: string,
    far: string,
    begin: () => Promise<void>,
  ): Promise<{ value: number }> => {
    const nearUs = await p50Us(near, begin);
    // What is below the clock's resolution, or came first by chance, adds a microsecond, not nothing.
    return { value: Math.max(1, (await p50Us(far, begin)) - nearUs) };
  };
  const runs = await alternate(bench.rounds, {
    ours: () =>
      measure(pair.worker.url, pair.remote.url, () =>
        pair.worker.say(chatId, planText(plan), pacedModelName),
      ),
    floor: () => measure(floor.url, hop.url, () => floor.follow(model.url, plan)),
  });
  const bar: Bar = { of: "ratio", is: "at most", goal: 1.5 };
  bench.report({ id: "P4", case: "added by the hop, p50", unit: "µs", bar, runs });
}

interface Floors {
  /** Nobody relays what it says. */
  readonly alone: Floor;
  readonly floor: Floor;
  /** Passes on what the floor says. */
  readonly hop: Floor;
}

/** CPU time of the worker and of the other replica for each delta, with so many subscribers here and there; and of the floors. */
async function cpuOfBothSides(
  bench: BenchRun,
  {
    pair,
    floors,
    subscribers,
    bursts,
  }: { pair: Pair; floors: Floors; subscribers: Subscribers; bursts: StepShape },
): Promise<void> {
  const { worker, remote } = pair;
  const { alone, floor, hop } = floors;
  /** Of some processes, while what is said reaches everybody there is: subscribers of a chat, by the process whose they are. */
  const cpuOf = async (
    children: readonly Child[],
    there: readonly { readonly url: string; readonly chatId: string; readonly count: number }[],
    say: () => Promise<void>,
  ): Promise<number[]> => {
    const groups = await Promise.all(
      there
        .filter(({ count }) => count > 0)
        .map(({ url, chatId, count }) =>
          subscribers.open({ url, wire: "grpc", chatIds: [chatId], count, connections: count }),
        ),
    );
    const usage = (): Promise<number[]> =>
      Promise.all(children.map(async (child) => (await child.usage()).cpuUs));
    const before = await usage();
    await say();
    await Promise.all(groups.map((group) => group.reach(bursts.deltas)));
    const after = await usage();
    await Promise.all(groups.map((group) => group.close()));
    return after.map((cpuUs, index) => (cpuUs - (before[index] ?? 0)) / bursts.deltas);
  };
  const step = async (here: number, far: number): Promise<{ worker: number; remote: number }> => {
    const chatId = await worker.createChat();
    const there = [
      { url: worker.url, chatId, count: here },
      { url: remote.url, chatId, count: far },
    ];
    const [workerUs = 0, remoteUs = 0] = await cpuOf([worker.child, remote.child], there, async () => {
      await worker.say(chatId, "go", "scripted/bursts");
      await untilIdle(worker, chatId);
    });
    return { worker: workerUs, remote: remoteUs };
  };
  const play = async (from: Floor, to: Floor, count: number): Promise<{ from: number; to: number }> => {
    const there = [{ url: to.url, chatId: "", count }];
    const [fromUs = 0, toUs = 0] = await cpuOf([from.child, to.child], there, () => from.play(bursts));
    return { from: fromUs, to: toUs };
  };
  const rounds = await takeTurns(bench.rounds, {
    ours: async () => {
      const none = await step(0, 0);
      const local = await step(1, 0);
      const far = await step(0, 1);
      const many = await step(0, 50);
      const nobody = await play(alone, alone, 0);
      const one = await play(alone, alone, 1);
      const over = await play(floor, hop, 1);
      return {
        worker: { value: far.worker - none.worker },
        // Without what it costs to serve the subscriber, which a local one costs too.
        remote: { value: far.remote - none.remote - (local.worker - none.worker) },
        // Differences that are lost in the noise in some rounds: nothing to divide by.
        bareNear: { value: over.from - nobody.from },
        bareFar: { value: over.to - (one.from - nobody.from) },
        many: { value: many.worker, floor: far.worker },
      };
    },
  });
  const unit = "µs CPU/delta";
  const each: Bar = { of: "value", is: "at most", goal: 5 };
  const runsOf = (side: keyof (typeof rounds)[number]["ours"]): Run[] => rounds.map(({ ours }) => ours[side]);
  bench.report({ id: "P4", case: "the worker's side", unit, bar: each, runs: runsOf("worker") });
  bench.report({ id: "P4", case: "the other side", unit, bar: each, runs: runsOf("remote") });
  bench.report({ id: "P4", case: "a bare hop, the near side", unit, runs: runsOf("bareNear") });
  bench.report({ id: "P4", case: "a bare hop, the far side", unit, runs: runsOf("bareFar") });
  bench.report({
    id: "P4",
    case: "worker, 50 remote subscribers; floor: 1",
    unit,
    bar: { of: "ratio", is: "at most", goal: 1.1 },
    runs: runsOf("many"),
  });
}

async function untilIdle({ client }: Palaver, chatId: string): Promise<void> {
  for (;;) {
    const { chat } = await client.getChat({ chatId });
    if (chat?.status === ChatStatus.WAITING) return;
    await sleep(200);
  }
}
