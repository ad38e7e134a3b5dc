import type { Status } from "../run/status.js";
import type { Report } from "./report.js";

export const statusMarks: Readonly<Record<Status, string>> = {
  pass: "✓",
  fail: "✗",
  warn: "!",
  not_applicable: "–",
  not_verified: "?",
  error: "E",
};

export const statusWords: Readonly<Record<Status, string>> = {
  pass: "passed",
  fail: "failed",
  warn: "warned",
  not_applicable: "not applicable",
  not_verified: "not verified",
  error: "errors of the suite",
};

export const verdictWords: Readonly<Record<Report["verdict"], string>> = {
  met: "All claims met",
  met_but_for_known_failures: "Not met: known failures",
  not_met: "Not met",
  inconclusive: "Inconclusive",
  suite_error: "The suite failed",
};

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 9_950 ? 2 : 1)} s`;
}

/** How many rules are what, as words; the most telling first. */
export function requirementCounts({ requirements }: Report): string {
  const of = (status: string): number => requirements.filter((each) => each.status === status).length;
  return [
    `${of("met")} of ${requirements.length} rules met`,
    ...(of("not_met") > 0 ? [`${of("not_met")} not met`] : []),
    ...(of("not_verified") > 0 ? [`${of("not_verified")} not verified`] : []),
    ...(of("not_applicable") > 0 ? [`${of("not_applicable")} not applicable`] : []),
    ...(of("not_covered") > 0 ? [`${of("not_covered")} not looked at`] : []),
  ].join(", ");
}
