import type { Partial } from "../chat/index.js";

/** What a step has produced, when it has ended or was stopped. */
export interface StepResult {
  readonly partial: Partial;
  /** Whether it ended by itself: then it is committed, because it must not be generated, and paid for, twice. */
  readonly complete: boolean;
}
