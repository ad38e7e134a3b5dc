import { startFloor } from "../floors/floor.js";
import type { Child } from "../kit/child.js";
import { startPalaver } from "../kit/palaver.js";
import { Subscribers } from "../kit/subscribers.js";
import type { BenchCase } from "../run/bench-case.js";
import { alternate, type Measurement } from "../run/rounds.js";

/** Everybody comes back at once: many chats, few connections, each subscription until it has caught up. */
export const storm: BenchCase = {
  id: "P13",
  title: "subscriptions opened, by the server's CPU time",
  run: async (bench) => {
    await using palaver = await startPalaver({ bench });
    await using floor = await startFloor();
    await using subscribers = new Subscribers();
    const count = bench.pick(2_000, 300);
    const chatIds = await Promise.all(Array.from({ length: 50 }, () => palaver.createChat()));
    const open = async (server: Child, url: string): Promise<Measurement> => {
      const [before, client] = await Promise.all([server.usage(), subscribers.usage()]);
      const beganMs = performance.now();
      const group = await subscribers.open({ url, wire: "grpc", chatIds, count, connections: 20 });
      const elapsedUs = (performance.now() - beganMs) * 1_000;
      const [after, clientAfter] = await Promise.all([server.usage(), subscribers.usage()]);
      const { faults } = await group.tally();
      if (faults.length > 0) throw new Error(faults.join("; "));
      await group.close();
      const cpuUs = after.cpuUs - before.cpuUs;
      return {
        value: (count / cpuUs) * 1_000_000,
        cpuServer: cpuUs / elapsedUs,
        cpuClient: (clientAfter.cpuUs - client.cpuUs) / elapsedUs,
      };
    };
    const runs = await alternate(bench.rounds, {
      ours: () => open(palaver.child, palaver.url),
      floor: () => open(floor.child, floor.url),
    });
    bench.report({
      id: "P13",
      case: `${count} on 50 chats and 20 connections`,
      unit: "subscriptions/s and core",
      bar: { of: "value", is: "at least", goal: 2_500 },
      runs,
    });
  },
};
