import type { Level } from "../rules/requirements.js";
import type { Status } from "../run/status.js";
import { count } from "./counted.js";

/** What the process ends with. */
export const exitCode = { met: 0, notMet: 1, usage: 2, inconclusive: 3, suiteError: 4 } as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

export interface Verdict {
  /** `met_but_for_known_failures`: the baseline expects what failed, and nothing else did. It is not met for that. */
  readonly verdict: "met" | "met_but_for_known_failures" | "not_met" | "inconclusive" | "suite_error";
  readonly exitCode: ExitCode;
  readonly because: string;
}

export interface VerdictInput {
  readonly cases: readonly {
    readonly id: string;
    readonly level: Level;
    readonly status: Status;
    readonly known?: string | undefined;
  }[];
  readonly complete: boolean;
  readonly baselineProblems: readonly string[];
}

/** What a run says about the claims, the gravest first: a failure stays one, whatever else could not be looked at. */
export function verdictOf({ cases, complete, baselineProblems }: VerdictInput): Verdict {
  const of = (status: Status) => cases.filter((each) => each.status === status);
  const failed = of("fail").filter(({ known }) => known === undefined);
  if (failed.length > 0) {
    const because = `${count(failed.length, "case")} failed: ${names(failed)}`;
    return { verdict: "not_met", exitCode: exitCode.notMet, because };
  }
  const [problem] = baselineProblems;
  if (problem !== undefined) return { verdict: "not_met", exitCode: exitCode.notMet, because: problem };
  const errors = of("error");
  if (errors.length > 0) {
    const because = `the suite itself failed in ${count(errors.length, "case")}: ${names(errors)}`;
    return { verdict: "suite_error", exitCode: exitCode.suiteError, because };
  }
  const open = inconclusiveBecause(cases, complete);
  if (open !== undefined) return { verdict: "inconclusive", exitCode: exitCode.inconclusive, because: open };
  const known = of("fail").length;
  if (known === 0)
    return { verdict: "met", exitCode: exitCode.met, because: "every claim that was looked at is met" };
  const because = `${count(known, "known failure")}, nothing new`;
  return { verdict: "met_but_for_known_failures", exitCode: exitCode.met, because };
}

function inconclusiveBecause(cases: VerdictInput["cases"], complete: boolean): string | undefined {
  if (!complete) return "the run was broken off";
  const ran = cases.filter(({ status }) => ["pass", "fail", "warn"].includes(status));
  if (ran.length === 0) return "no case was run to its end";
  const open = cases.filter(({ status, level }) => status === "not_verified" && level === "MUST");
  return open.length === 0
    ? undefined
    : `${count(open.length, "case")} could not be verified: ${names(open)}`;
}

function names(cases: readonly { readonly id: string }[]): string {
  const shown = cases.slice(0, 3).map(({ id }) => id);
  return shown.join(", ") + (cases.length > shown.length ? " …" : "");
}
