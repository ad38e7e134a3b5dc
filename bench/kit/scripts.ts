import { stepText } from "./delta-text.js";

/** As docs/scripted-model.md has it. */
export interface BenchScript {
  readonly name: string;
  readonly chunk?: number;
  readonly delay_ms?: number;
  readonly turns: readonly { readonly steps: readonly BenchStep[] }[];
}

type BenchStep = { readonly text: string } | { readonly pause_ms: number };

export interface StepShape {
  readonly deltas: number;
  readonly deltaBytes: number;
  readonly intervalMs: number;
  /** Deltas that come at once, then the pause. */
  readonly atOnce?: number;
  /** Stays in the step after the last delta: nothing is committed meanwhile. */
  readonly staysMs?: number;
}

/** A model that says `stepText` at that pace. It runs in the server, where it costs a timer for each pause and next to nothing else. */
export function scriptOf(name: string, shape: StepShape): BenchScript {
  const { deltas, deltaBytes, intervalMs, atOnce = 1, staysMs = 0 } = shape;
  const text = stepText(deltas, deltaBytes);
  const stay: BenchStep[] = staysMs === 0 ? [] : [{ pause_ms: staysMs }];
  if (atOnce === 1)
    return { name, chunk: deltaBytes, delay_ms: intervalMs, turns: [{ steps: [{ text }, ...stay] }] };
  // What is said between two pauses is a block of its own: that is how a script pauses.
  const steps: BenchStep[] = [];
  for (let at = 0; at < text.length; at += atOnce * deltaBytes)
    steps.push({ text: text.slice(at, at + atOnce * deltaBytes) }, { pause_ms: intervalMs });
  return { name, chunk: deltaBytes, turns: [{ steps: [...steps, ...stay] }] };
}
