import { type Model, ModelError, type ModelRequest } from "../models/index.js";
import type { Clock } from "../platform/index.js";
import { roleToProto, type Usage } from "../protocol/index.js";
import type { EpisodeWriter } from "../stream/index.js";
import { generate, type SilenceLimits } from "./generate.js";
import { StepAssembler, type StepDelta } from "./step-assembler.js";
import type { StepResult } from "./step-result.js";

export interface ModelStepOptions {
  /** Where the answer is shown as it arrives. */
  readonly writer: EpisodeWriter;
  /** Stops the call; what was generated until then is returned. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly silence: SilenceLimits;
  /** What the step may generate, as the writer weighs it. */
  readonly maxWeight: number;
}

/**
 * Asks the model once.
 *
 * @throws ModelError when the call failed and nobody had stopped it; nothing of it is kept (RETRY-5)
 */
export async function runModelStep(
  model: Model,
  request: ModelRequest,
  options: ModelStepOptions,
): Promise<StepResult> {
  const { writer, signal, clock, silence, maxWeight } = options;
  const assembler = new StepAssembler(() => clock.now().toISOString());
  const startedMs = clock.monotonicMs();
  const publish = (deltas: readonly StepDelta[]): void => {
    for (const { block, part } of deltas) writer.append({ role: roleToProto("assistant"), block, part });
  };
  try {
    for await (const event of generate(model, request, silence, { signal, clock })) {
      publish(assembler.push(event));
      if (writer.weight > maxWeight) throw tooMuch(model);
    }
  } catch (error) {
    if (!(error instanceof ModelError) || !signal.aborted) throw error;
  }
  publish(assembler.flush());
  const usage: Usage = {
    ...assembler.finish?.usage,
    runtime_ms: Math.round(clock.monotonicMs() - startedMs),
  };
  return {
    partial: { role: "assistant", parts: assembler.parts(), model: model.id, usage },
    complete: assembler.finish !== undefined,
  };
}

function tooMuch({ provider }: Model): ModelError {
  return new ModelError(`The answer of ${provider} is larger than this server accepts in one step.`, {
    kind: "generic",
    provider,
    retryable: false,
  });
}
