import type { Floor } from "../floors/floor.js";
import type { BenchRun } from "../run/bench-case.js";
import type { Run } from "../run/result.js";
import { alternate, type Measurement } from "../run/rounds.js";
import { measureStep, perDelivery, type Window } from "./fan-out.js";
import type { Palaver } from "./palaver.js";
import type { StepShape } from "./scripts.js";
import type { Subscribers } from "./subscribers.js";
import type { BenchWire } from "./wire.js";

export interface FanOutComparison {
  readonly bench: BenchRun;
  readonly palaver: Palaver;
  readonly floor: Floor;
  readonly subscribers: Subscribers;
  readonly wire: BenchWire;
  readonly count: number;
  readonly connections: number;
  /** What is said, and the name of the script that says it. */
  readonly shape: StepShape;
  readonly script: string;
  /** Default: the server's CPU time for each delivery. */
  readonly measured?: (window: Window) => Measurement;
}

/** The same step to as many subscribers, through Palaver and from the floor, in turn. */
export async function compareFanOut(comparison: FanOutComparison): Promise<Run[]> {
  const { bench, palaver, floor, subscribers, wire, count, connections, shape, script } = comparison;
  const { measured = perDelivery } = comparison;
  const chatId = await palaver.createChat();
  const options = { wire, chatIds: [chatId], count, connections };
  const ofPalaver = await subscribers.open({ ...options, url: palaver.url });
  const ofFloor = await subscribers.open({ ...options, url: floor.url });
  const common = { subscribers, count, shape };
  const runs = await alternate(bench.rounds, {
    ours: async () => {
      const begin = (): Promise<void> => palaver.say(chatId, "go", `scripted/${script}`);
      return measured(await measureStep({ ...common, server: palaver.child, group: ofPalaver, begin }));
    },
    floor: async () => {
      const begin = (): Promise<void> => floor.play(shape);
      return measured(await measureStep({ ...common, server: floor.child, group: ofFloor, begin }));
    },
  });
  await ofPalaver.close();
  await ofFloor.close();
  return runs;
}
