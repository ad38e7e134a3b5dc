/** The outcome of one check. */
export interface Finding {
  readonly check: string;
  /** A note needs no action: something is off, and may well be meant to be. */
  readonly status: "ok" | "note" | "failed";
  readonly detail: string;
  /** What to do. */
  readonly advice?: string | undefined;
}
