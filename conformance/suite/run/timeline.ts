import { nowMs } from "../time.js";

/** What an entry tells of: what a client sent or got, a call to the model, a link, the bus, or what the case did itself. */
export type TimelineKind = "frame" | "model" | "link" | "bus" | "process" | "check" | "fence" | "note";

export interface TimelineEntry {
  /** Since the run began, on one clock for all kinds. */
  readonly atMs: number;
  readonly kind: TimelineKind;
  /** Who did it: "alice", "r1", "model", … */
  readonly from: string;
  /** Whom it reached, if it went anywhere. */
  readonly to?: string | undefined;
  readonly text: string;
}

const maxEntries = 5_000;

/** What came to pass in a run, in order: at least the newest 5,000 entries. */
export class Timeline {
  readonly #startedMs = nowMs();
  #entries: TimelineEntry[] = [];

  get entries(): readonly TimelineEntry[] {
    return this.#entries;
  }

  /** Returns when that was. */
  add(entry: Omit<TimelineEntry, "atMs">): number {
    const atMs = Math.round((nowMs() - this.#startedMs) * 10) / 10;
    this.#entries.push({ atMs, ...entry });
    // Cut in large pieces, so that a long run does not copy for each entry.
    if (this.#entries.length >= maxEntries * 2) this.#entries = this.#entries.slice(-maxEntries);
    return atMs;
  }
}
