import type { BoundName, Bounds } from "../manifest/bounds.js";
import type { RuleId } from "../rules/requirements.js";
import type { SeededRandom } from "../run/seeded-random.js";
import type { Stage } from "../run/stage.js";
import type { Target } from "../run/target.js";
import type { Timeline } from "../run/timeline.js";
import type { Wire } from "./vocabulary.js";

/** Something that the target does, as a promise that gives up when the signal is aborted. */
export type Happening<T> = (signal: AbortSignal) => Promise<T>;

export interface Facts {
  readonly expected: unknown;
  readonly observed: unknown;
  /** Where equality is not the question. */
  readonly holds?: boolean;
}

/**
 * What a run of a case is given. Whatever comes from the target is waited for with `waitFor`, `arrange` or `fence`: an error that is thrown
 * past them counts as the suite's own.
 */
export interface CaseContext<R extends RuleId = RuleId> extends Stage {
  readonly target: Target;
  readonly wire: Wire;
  /** The case's gates, in the order of this run. */
  readonly order: readonly string[];
  /** In milliseconds, as the manifest says. */
  readonly bounds: Bounds;
  /** The same numbers for the same seed. */
  readonly random: SeededRandom;
  readonly timeline: Timeline;
  /** Aborted when the run is over, also by its limit. */
  readonly signal: AbortSignal;

  /** Records whether the target did what a rule asks. Returns that, and goes on in any case: a run may find several failures. */
  readonly check: (rule: R, sentence: string, facts: Facts) => boolean;
  /**
   * Records that nothing was found that a rule forbids. Only after a {@link CaseContext.fence}: without one it may be on its way still.
   */
  readonly never: (rule: R, sentence: string, found: readonly unknown[]) => boolean;
  /** Waits for what a rule asks for. When it fails, or does not come within the bound, that is recorded and the run ends as failed. */
  readonly waitFor: <T>(
    event: { readonly rule: R; readonly sentence: string; readonly happens: Happening<T> },
    bound: BoundName,
  ) => Promise<T>;
  /** Brings something about that the case begins with. When that fails, the run ends as not verified. */
  readonly arrange: <T>(what: string, bound: BoundName, happens: Happening<T>) => Promise<T>;
  /** Ends the run as not verified when `holds` is false: a disturbance that hit nothing proves nothing. */
  readonly precondition: (what: string, holds: boolean) => void;
  /** Waits for an event after which what is forbidden cannot come any more. When it does not come, the run ends as not verified. */
  readonly fence: <T>(what: string, bound: BoundName, happens: Happening<T>) => Promise<T>;
  /** Writes a line of its own on the timeline. */
  readonly note: (text: string) => void;
  /** The resource is released when the run is over, in the reverse order of these calls. */
  readonly use: <T extends Disposable | AsyncDisposable>(resource: T) => T;
}
