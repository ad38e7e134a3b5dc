import type { Clock, Logger } from "../platform/index.js";
import { partToProto, roleToProto, type ToolResultPart } from "../protocol/index.js";
import type { EpisodeWriter } from "../stream/index.js";
import type { StepResult } from "./step-result.js";
import { type CallPlan, runCall } from "./tool-batch.js";

export interface ToolStepOptions {
  /** Where results are shown as they arrive. */
  readonly writer: EpisodeWriter;
  /** Writes down the results that are there while other tools still run. One call at a time; must not reject. */
  readonly checkpoint: (results: readonly ToolResultPart[]) => Promise<void>;
  /** Stops the tools. What comes after it is neither shown nor returned, so that all that was shown is committed. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/** Runs the calls of a batch side by side. Their results are in the order of the calls, not of their arrival. */
export async function runToolStep(plans: readonly CallPlan[], options: ToolStepOptions): Promise<StepResult> {
  const { writer, checkpoint, signal, clock, timeoutMs, logger } = options;
  const done = new Map<string, ToolResultPart>();
  const results = (): ToolResultPart[] => plans.flatMap((plan) => done.get(plan.call.toolCallId) ?? []);
  const answer = (index: number, result: ToolResultPart): void => {
    if (signal.aborted) return;
    done.set(result.tool_call_id, result);
    writer.append({ role: roleToProto("tool"), block: index + 1, part: partToProto(result) });
  };
  // One after the other, so that a checkpoint with fewer results never replaces one with more.
  let checkpoints = Promise.resolve();
  await Promise.all(
    plans.map(async (plan, index) => {
      if (plan.type === "answered") return answer(index, plan.result);
      answer(index, await runCall(plan, { signal, clock, timeoutMs, logger }));
      if (done.size === plans.length) return;
      checkpoints = checkpoints.then(() => checkpoint(results()));
      await checkpoints;
    }),
  );
  const parts = results();
  return { partial: { role: "tool", parts }, complete: parts.length === plans.length };
}
