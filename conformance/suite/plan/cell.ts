import type { Wire } from "../cases/vocabulary.js";

/** One run of one case: over this wire, with its gates in this order, from this seed. Plain data. */
export interface Cell {
  /** Unlike that of any other cell of a plan. */
  readonly key: string;
  readonly caseId: string;
  readonly wire: Wire;
  /** The gates as they are opened; empty for a case without. */
  readonly order: readonly string[];
  /** Counts the repetitions, from 0. */
  readonly repetition: number;
  readonly seed: string;
}
