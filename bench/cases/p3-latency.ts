import { startFloor } from "../floors/floor.js";
import type { Child } from "../kit/child.js";
import { checkDelivered } from "../kit/fan-out.js";
import { startPacedModel, pacedModelName, type PacedPlan, planText } from "../kit/paced-model.js";
import { startPalaver } from "../kit/palaver.js";
import { type Group, Subscribers, type Travel } from "../kit/subscribers.js";
import type { BenchCase } from "../run/bench-case.js";
import type { Run } from "../run/result.js";
import { type Measurement, runOf, takeTurns } from "../run/rounds.js";

interface Latency extends Travel {
  readonly cpuServer: number;
}

/** From the moment at which a model says a delta to the moment at which each subscriber has it. Both sides hear the same model. */
export const latency: BenchCase = {
  id: "P3",
  title: "latency from the model to all subscribers",
  run: async (bench) => {
    await using model = await startPacedModel();
    await using palaver = await startPalaver({ bench, env: model.env });
    await using floor = await startFloor();
    await using subscribers = new Subscribers();
    const seconds = bench.pick(5, 1);
    for (const { count, perSecond } of [
      { count: 100, perSecond: 100 },
      { count: 1_000, perSecond: 20 },
    ]) {
      const plan: PacedPlan = { deltas: perSecond * seconds, deltaBytes: 120, perSecond };
      const chatId = await palaver.createChat();
      const options = {
        wire: "grpc" as const,
        chatIds: [chatId],
        count,
        connections: count,
        deltaBytes: 120,
      };
      const ofPalaver = await subscribers.open({ ...options, url: palaver.url });
      const ofFloor = await subscribers.open({ ...options, url: floor.url });
      const measure = async (server: Child, group: Group, begin: () => Promise<void>): Promise<Latency> => {
        await group.expect();
        const before = await server.usage();
        const beganMs = performance.now();
        const saying = begin();
        await group.reach(plan.deltas);
        const after = await server.usage();
        const elapsedUs = (performance.now() - beganMs) * 1_000;
        await saying;
        checkDelivered(await group.tally(), { count, shape: plan });
        return { ...(await group.travel()), cpuServer: (after.cpuUs - before.cpuUs) / elapsedUs };
      };
      const rounds = await takeTurns(bench.rounds, {
        ours: () =>
          measure(palaver.child, ofPalaver, () => palaver.say(chatId, planText(plan), pacedModelName)),
        floor: () => measure(floor.child, ofFloor, () => floor.follow(model.url, plan)),
      });
      const measured = (which: "p50Us" | "p99Us", { cpuServer, ...travel }: Latency): Measurement => ({
        value: travel[which] / 1_000,
        cpuServer,
      });
      const runsOf = (which: "p50Us" | "p99Us"): Run[] =>
        rounds.map(({ ours, floor: limit }) =>
          runOf({ ours: measured(which, ours), floor: limit && measured(which, limit) }),
        );
      const name = `S=${count} × ${perSecond}/s`;
      bench.report({ id: "P3", case: `${name}, p50`, unit: "ms", runs: runsOf("p50Us") });
      bench.report({
        id: "P3",
        case: `${name}, p99`,
        unit: "ms",
        bar: { of: "ratio", is: "at most", goal: 1.3, reject: 2 },
        runs: runsOf("p99Us"),
      });
      await ofPalaver.close();
      await ofFloor.close();
    }
  },
};
