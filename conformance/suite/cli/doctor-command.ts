import pc from "picocolors";
import type { Case } from "../cases/define-case.js";
import { type Need, needNames, needs } from "../cases/vocabulary.js";
import { examineTarget } from "../doctor/examine-target.js";
import type { Finding } from "../doctor/look.js";
import type { Manifest } from "../manifest/manifest.js";
import { offersOf } from "../plan/offers.js";
import { type Planned, planRun } from "../plan/plan.js";
import { unlocksOf } from "../plan/unlocks.js";
import { exitCode, type ExitCode } from "../report/verdict.js";
import { count, lackingCases } from "../report/counted.js";
import { openTarget } from "../run/open-target.js";
import { errorText } from "../run/shown.js";
import { loadReachableTarget } from "./load.js";
import type { Surroundings } from "./surroundings.js";

export interface DoctorOptions {
  readonly target: string;
  readonly json?: true;
}

/** What is true of something that cases need. */
interface NeedReport {
  readonly need: Need;
  readonly status: "ok" | "broken" | "not_offered";
  /** How many cases need it, of those that are about what is claimed. */
  readonly cases: number;
  /** How many of them lack nothing else. */
  readonly alone: number;
  /** What to write in the manifest, where it does not offer it. */
  readonly how?: string;
}

/** Finds out, before anything is judged, whether the target is as its manifest says. */
export async function doctor(
  { target: path, json }: DoctorOptions,
  { stdout, env, cases, signal }: Surroundings,
): Promise<ExitCode> {
  const { manifest } = await loadReachableTarget(path);
  const colors = pc.createColors(stdout.isTTY === true && (env["NO_COLOR"] ?? "") === "");
  const line = (mark: string, text: string, advice?: string): void => {
    if (json === true) return;
    const shownMark = mark === "✓" ? colors.green(mark) : mark === "✗" ? colors.red(mark) : mark;
    stdout.write(`${shownMark} ${text}\n`);
    if (advice !== undefined) stdout.write(`    ${colors.dim(advice)}\n`);
  };
  const findings: Finding[] = [];
  const tell = (finding: Finding): void => {
    findings.push(finding);
    line(finding.ok ? "✓" : "✗", `${finding.about.padEnd(18)} ${finding.detail}`, finding.advice);
  };
  const isComplete = await examine(manifest, tell, signal);

  const reports = isComplete ? needReports(cases, manifest, findings) : [];
  if (reports.length > 0 && json !== true) stdout.write("\nWhat cases need:\n");
  for (const { need, status, cases: all, alone, how } of reports) {
    // Nothing that is claimed asks for it.
    if (all === 0 && status !== "broken") continue;
    if (status === "not_offered")
      line("–", `${needs[need]}: ${how ?? ""} (${lackingCases({ cases: alone, among: all - alone })})`);
    else if (status === "ok") line("✓", `${needs[need]}: ${count(all, "case")}`);
    else line("✗", `${needs[need]}: ${count(all, "case")} cannot be trusted`);
  }
  if (isComplete && json !== true) stdout.write(`\n${whatWouldRun(cases, manifest)}\n`);
  const code = isComplete && findings.every(({ ok }) => ok) ? exitCode.met : exitCode.inconclusive;
  if (json === true)
    stdout.write(`${JSON.stringify({ findings, needs: reports, exit_code: code }, undefined, 2)}\n`);
  return code;
}

/** Whether it has come to the end of everything. */
async function examine(
  manifest: Manifest,
  tell: (finding: Finding) => void,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await using target = await openTarget(manifest);
    const how = manifest.launch === undefined ? "reached" : "started";
    tell({ about: "target", ok: true, detail: `${count(target.replicas.length, "replica")} ${how}` });
    return await examineTarget(target, manifest, { tell, signal });
  } catch (error) {
    tell({
      about: "target",
      ok: false,
      detail: errorText(error),
      advice:
        manifest.launch === undefined
          ? "see that what attach names can be reached from here"
          : "see that launch.command with launch.env starts a replica that serves at {listen}",
    });
    return false;
  }
}

function planOf(cases: readonly Case[], manifest: Manifest): Planned[] {
  return planRun(cases, manifest, { patterns: [], seed: "doctor", repetitionsOf: () => 1 });
}

function whatWouldRun(cases: readonly Case[], manifest: Manifest): string {
  const plan = planOf(cases, manifest);
  const runs = plan.filter(({ kind }) => kind === "run").length;
  const claimed = plan.filter(({ kind }) => kind !== "not_applicable").length;
  const open = runs === claimed ? "" : "; the others would be not verified";
  return `With this manifest ${runs} of the ${count(claimed, "case")} about what is claimed would run${open}.`;
}

function needReports(cases: readonly Case[], manifest: Manifest, findings: readonly Finding[]): NeedReport[] {
  const plan = planOf(cases, manifest);
  const claimed = plan.flatMap((planned) => (planned.kind === "not_applicable" ? [] : [planned.case]));
  const unlocks = unlocksOf(plan, manifest);
  const offers = offersOf(manifest);
  return needNames.map((need): NeedReport => {
    const offer = offers[need];
    const concerned = claimed.filter((each) => each.needs.includes(need)).length;
    if (!offer.isThere) {
      const alone = unlocks.find((unlock) => unlock.need === need)?.cases ?? 0;
      return { need, status: "not_offered", cases: concerned, alone, how: offer.unlock };
    }
    const isBroken = findings.some((finding) => !finding.ok && finding.need === need);
    return { need, status: isBroken ? "broken" : "ok", cases: concerned, alone: concerned };
  });
}
