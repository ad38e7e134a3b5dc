import type { Cell } from "../plan/cell.js";
import type { RuleId } from "../rules/requirements.js";
import type { Status } from "./status.js";
import type { TimelineEntry } from "./timeline.js";

/** One look at whether the target did what a rule asks. */
export interface CheckRecord {
  readonly rule: RuleId;
  /** What is asked for here. */
  readonly sentence: string;
  readonly passed: boolean;
  /** As text, for reading. */
  readonly expected: string;
  readonly observed: string;
  readonly atMs: number;
}

/** What became of one run of a case. Plain data: it comes from another process and goes to the journal as JSON. */
export interface CellResult {
  readonly cell: Cell;
  readonly status: Exclude<Status, "not_applicable">;
  /** Why it is neither passed nor failed by a check. */
  readonly message?: string | undefined;
  readonly checks: readonly CheckRecord[];
  /** Empty for a run that passed, unless it was to be kept. */
  readonly timeline: readonly TimelineEntry[];
  readonly durationMs: number;
}
