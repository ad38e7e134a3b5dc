import type { Need } from "../cases/vocabulary.js";
import { outcomeWithin } from "../time.js";
import { told } from "../run/case-run.js";

/** One thing that the doctor looks at. */
export interface Look {
  /** In a few words. */
  readonly about: string;
  /** What cases cannot have when this is not in order; none: nothing can be judged then. */
  readonly need?: Need;
  readonly limitMs: number;
  /** What to do when it is not in order. */
  readonly advice: string;
  /** Resolves to what was found; rejects with what is wrong. Gives up when the signal aborts. */
  readonly look: (signal: AbortSignal) => Promise<string>;
}

/** What came of it. */
export interface Finding {
  readonly about: string;
  readonly need?: Need;
  readonly ok: boolean;
  readonly detail: string;
  readonly advice?: string;
}

/** Never rejects: what goes wrong is what the doctor has found. */
export async function findingOf(
  { about, need, limitMs, advice, look }: Look,
  signal: AbortSignal,
): Promise<Finding> {
  const giveUp = new AbortController();
  const shared = { about, ...(need === undefined ? {} : { need }) };
  const outcome = await outcomeWithin(look(AbortSignal.any([signal, giveUp.signal])), limitMs);
  giveUp.abort();
  if (outcome.kind === "done") return { ...shared, ok: true, detail: outcome.value };
  return { ...shared, ok: false, detail: told(outcome), advice };
}
