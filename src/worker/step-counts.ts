import type { TurnDeps } from "../agent/index.js";
import type { WorkerInput } from "../chat/index.js";
import type { Clock } from "../platform/index.js";
import type { StepOutcome, WorkerMetrics } from "./worker-metrics.js";

type TurnChats = TurnDeps["chats"];

/**
 * The chats as one lease writes to them, with its steps counted: each attempt that begins has exactly one outcome. They are read off the
 * transitions, so that what is counted is what is in the database.
 */
export class StepCounts implements Disposable {
  readonly #chats: TurnChats;
  readonly #metrics: WorkerMetrics;
  readonly #clock: Clock;
  #running: { readonly kind: "model" | "tools"; readonly beganMs: number } | undefined;

  /** `begun`: the first attempt was begun when the lease was. */
  constructor(deps: { chats: TurnChats; metrics: WorkerMetrics; clock: Clock; begun: boolean }) {
    this.#chats = deps.chats;
    this.#metrics = deps.metrics;
    this.#clock = deps.clock;
    if (deps.begun) this.#begin();
  }

  get chats(): TurnChats {
    return {
      readState: (chatId, options) => this.#chats.readState(chatId, options),
      work: async (chatId, input, believed, next) => {
        const outcome = await this.#chats.work(chatId, input, believed, next);
        if ("refused" in outcome) this.#metrics.refused(outcome.refused);
        else this.#written(input);
        return outcome;
      },
    };
  }

  /** The lease is over. A step that still runs is lost with it. */
  [Symbol.dispose](): void {
    this.#end("discarded");
  }

  #written(input: WorkerInput): void {
    switch (input.type) {
      case "BeginAttempt":
        // The history was changed under the one before.
        this.#end("discarded");
        return this.#begin();
      case "StartCalls":
        if (this.#running !== undefined) this.#running = { ...this.#running, kind: "tools" };
        return;
      case "CommitStep":
        return this.#end("committed");
      case "RecordRetry":
        this.#metrics.failed(input.retry.error.kind);
        return this.#end("failed");
      case "Fail":
        this.#metrics.failed(input.error.kind);
        return this.#end("failed");
      case "FinishInterrupt":
        return this.#end("interrupted");
      case "Release":
        return this.#end("handed_over");
      default:
    }
  }

  #begin(): void {
    this.#running = { kind: "model", beganMs: this.#clock.monotonicMs() };
  }

  #end(outcome: StepOutcome): void {
    if (this.#running === undefined) return;
    const { kind, beganMs } = this.#running;
    this.#running = undefined;
    this.#metrics.stepEnded(kind, outcome, this.#clock.monotonicMs() - beganMs);
  }
}
