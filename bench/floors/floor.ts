import { Child } from "../kit/child.js";
import type { PacedPlan } from "../kit/paced-model.js";
import type { StepShape } from "../kit/scripts.js";

/** The fastest server for the same bytes, in a process of its own. */
export interface Floor extends AsyncDisposable {
  readonly url: string;
  readonly child: Child;
  /** Says a step to all who listen. Resolves when it has been said. */
  play(shape: StepShape): Promise<void>;
  /** Says what the model at this URL says. */
  follow(url: string, plan: PacedPlan): Promise<void>;
  /** Passes on what another floor says. */
  relayFrom(url: string): Promise<void>;
  /** Who comes from now on finds so many deltas, merged. */
  backlog(deltas: number, deltaBytes: number): Promise<void>;
}

export async function startFloor(): Promise<Floor> {
  const child = new Child({ module: "bench/floors/floor-process.ts" });
  return {
    url: await child.ask<string>("url"),
    child,
    play: (shape) => child.ask("play", shape),
    follow: (url, plan) => child.ask("follow", { url, plan }),
    relayFrom: (url) => child.ask("relayFrom", { url }),
    backlog: (deltas, deltaBytes) => child.ask("backlog", { deltas, deltaBytes }),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
