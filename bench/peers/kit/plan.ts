import { setTimeout as sleep } from "node:timers/promises";
import { stepText } from "../../kit/delta-text.js";
import { followModel } from "../../kit/follow-model.js";
import type { PacedPlan } from "../../kit/paced-model.js";
import { nowUs } from "../../kit/wire.js";

/** What is said, by Palaver and by a peer alike. */
export interface Plan {
  readonly deltas: number;
  readonly deltaBytes: number;
  /** Between two deltas; 0: as fast as they are taken. */
  readonly intervalMs: number;
  /** A paced model that says it, at this URL: each delta begins with the time. Otherwise they are those of `stepText`. */
  readonly model?: string;
  /** Does not end after the last delta: a stream that is over could not be resumed everywhere. */
  readonly stays?: true;
}

/** Says it, by the clock: what is late does not make the rest late. */
export async function* sayPlan(plan: Plan, whole: string): AsyncGenerator<string, void, undefined> {
  const { deltas, deltaBytes, intervalMs, model } = plan;
  if (model !== undefined) return yield* followModel(model, pacedPlan(plan));
  const beganUs = nowUs();
  for (let index = 0; index < deltas; index++) {
    const waitMs = intervalMs === 0 ? 0 : intervalMs * (index + 1) - (nowUs() - beganUs) / 1_000;
    if (waitMs > 0) await sleep(waitMs);
    yield whole.slice(index * deltaBytes, (index + 1) * deltaBytes);
  }
}

export function pacedPlan({ deltas, deltaBytes, intervalMs }: Plan): PacedPlan {
  return { deltas, deltaBytes, perSecond: 1_000 / intervalMs };
}

/** The text of it, where it is the same each time. */
export function textOf({ deltas, deltaBytes, model }: Plan): string {
  return model === undefined ? stepText(deltas, deltaBytes) : "";
}
