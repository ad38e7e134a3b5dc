import { failureLines, runName } from "./failure-text.js";
import type { CaseReport, Report } from "./report.js";
import { xmlText } from "./xml-text.js";

/**
 * JUnit's XML, as CI systems read it: a suite for each group, a test for each case. What was not verified is skipped there, with why;
 * whether the run as a whole passed is for the exit code to say. A warning passes, and says in its output what it found.
 */
export function renderJunit(report: Report): string {
  const groupOf = ({ id }: CaseReport): string => id.slice(0, id.indexOf("/"));
  const suites = [...new Set(report.cases.map(groupOf))].map((group) =>
    renderSuite(
      group,
      report.cases.filter((each) => groupOf(each) === group),
      report,
    ),
  );
  const name = `${report.implementation.name} ${report.implementation.version}`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${xmlText(name)}" ${counts(report.cases)}>\n${suites.join("")}</testsuites>\n`;
}

function renderSuite(group: string, cases: readonly CaseReport[], { started_at }: Report): string {
  const tests = cases.map(renderCase).join("");
  return `  <testsuite name="${xmlText(group)}" timestamp="${started_at.slice(0, 19)}" ${counts(cases)}>\n${tests}  </testsuite>\n`;
}

function counts(cases: readonly CaseReport[]): string {
  const kinds = cases.map(kindOf);
  const of = (kind: string): number => kinds.filter((each) => each === kind).length;
  const seconds = cases.reduce((sum, { duration_ms }) => sum + duration_ms, 0) / 1_000;
  return `tests="${cases.length}" failures="${of("failure")}" errors="${of("error")}" skipped="${of("skipped")}" time="${seconds.toFixed(3)}"`;
}

function kindOf({ status, known }: CaseReport): "failure" | "error" | "skipped" | "passed" {
  switch (status) {
    case "pass":
    case "warn":
      return "passed";
    case "fail":
      return known === undefined ? "failure" : "skipped";
    case "error":
      return "error";
    case "not_applicable":
    case "not_verified":
      return "skipped";
  }
}

function renderCase(each: CaseReport): string {
  const [group = "", slug = ""] = each.id.split("/");
  const open = `    <testcase classname="${xmlText(group)}" name="${xmlText(slug)}" time="${(each.duration_ms / 1_000).toFixed(3)}"`;
  const inner = renderOutcome(each);
  return inner === "" ? `${open}/>\n` : `${open}>\n${inner}    </testcase>\n`;
}

function renderOutcome(each: CaseReport): string {
  const told = each.runs
    .filter((run) => run.status !== "pass")
    .map((run) => [`[${run.status}] ${runName(run)}`, ...failureLines(run)].join("\n"))
    .join("\n\n");
  const text = xmlText(told);
  const reason = xmlText(reasonOf(each));
  switch (kindOf(each)) {
    case "passed":
      return each.status === "warn" ? `      <system-out>${text}</system-out>\n` : "";
    case "failure":
      return `      <failure message="${reason}" type="${each.rules.join(" ")}">${text}</failure>\n`;
    case "error":
      return `      <error message="${reason}">${text}</error>\n`;
    case "skipped":
      return `      <skipped message="${reason}"/>\n`;
  }
}

function reasonOf({ status, message, known, runs }: CaseReport): string {
  if (known !== undefined) return `known failure: ${known}`;
  const failed = runs.flatMap(({ checks }) => checks.filter(({ passed }) => !passed));
  const first = failed[0];
  if (status === "fail" && first !== undefined) return `${first.rule}: ${first.sentence}`;
  return `${status}: ${message ?? "no reason was given"}`;
}
