/**
 * What became of a case: `pass`; `fail` (a MUST), `warn` (a SHOULD or MAY); `not_applicable`: it is about something that is not claimed;
 * `not_verified`: it is, but the means were missing or what it begins with did not come about; `error`: the fault is the suite's.
 */
export const statuses = ["pass", "fail", "warn", "not_applicable", "not_verified", "error"] as const;
export type Status = (typeof statuses)[number];

/** The worst first: a case is what the worst of its runs is. */
const bySeverity: readonly Status[] = ["fail", "error", "not_verified", "warn", "pass", "not_applicable"];

/** What several runs come to. Of none at all: not verified. */
export function worstOf(all: readonly Status[]): Status {
  return bySeverity.find((status) => all.includes(status)) ?? "not_verified";
}
