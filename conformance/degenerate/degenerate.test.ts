import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cases } from "../suite/cases/all-cases.js";
import { runCommand } from "../suite/cli/program.js";
import { manifestSchema } from "../suite/manifest/manifest.js";
import { readYaml } from "../suite/manifest/read-yaml.js";
import { planRun } from "../suite/plan/plan.js";
import type { Report, RunReport } from "../suite/report/report.js";
import { exitCode } from "../suite/report/verdict.js";

const suite = fileURLToPath(new URL("../suite/run/suite.ts", import.meta.url));

/** All that a single server can be asked; cases that restart it would take long, and prove nothing more. */
const asked = cases.filter(({ profile, isExclusive }) => profile === "core" && !isExclusive);
const patterns = asked.map(({ id }) => id);
const limitMs = 300_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "degenerate-"));
  // None of them looks at it.
  process.env["DEGENERATE_TOKEN"] = "token";
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const manifestPath = (name: string): string => fileURLToPath(new URL(`${name}.yaml`, import.meta.url));

/** Runs cases against the server of that name. */
async function judge(name: string, named = patterns): Promise<Report> {
  let json = "";
  const options = ["--target", manifestPath(name), "--output", join(folder, name), "--seed", "5eed"];
  const code = await runCommand(["run", ...named, ...options, "--width", "8", "--json"], {
    stdout: { write: (text) => void (json += text) },
    stderr: { write: () => undefined },
    env: {},
    cases,
    suite,
    signal: new AbortController().signal,
  });
  const report = JSON.parse(json) as Report;
  expect(code).toBe(report.exit_code);
  return report;
}

/** The runs that ended so, also of cases that others of their runs decide. */
function runsIn(report: Report, isIt: (run: RunReport) => boolean): string[] {
  return report.cases.flatMap(({ id, runs }) =>
    runs.filter(isIt).map(({ wire, order, message = "" }) => [id, wire, ...order, message].join(" ").trim()),
  );
}

/** A server that was not even reached would pass nothing either. */
function expectNoPass(report: Report): void {
  expect(report.complete).toBe(true);
  expect(runsIn(report, ({ message }) => message?.includes("could not be reached") === true)).toEqual([]);
  expect(runsIn(report, () => true).length).toBeGreaterThan(0);
  // What passes here looks at nothing; what is an error here would be the suite's fault with the next implementation too.
  expect(runsIn(report, ({ status }) => status === "pass" || status === "error")).toEqual([]);
  expect(report.verdict).not.toBe("met");
}

describe("a server that does nothing right", () => {
  it.each(["null", "empty", "refuser", "parrot"])(
    "passes no case: %s",
    async (name) => {
      const report = await judge(name);
      expectNoPass(report);
      // It answers, so there is something to find fault with.
      expect(report.exit_code).toBe(exitCode.notMet);
    },
    limitMs,
  );

  it(
    "and never answers passes no case, and is not judged by what did not begin",
    async () => {
      expectNoPass(await judge("black-hole"));
      expect(await judge("black-hole", ["order/seq-contiguous"])).toMatchObject({
        exit_code: exitCode.inconclusive,
        summary: { not_verified: 1 },
      });
    },
    limitMs,
  );

  it(
    "and dies midway passes no case, and loses no result",
    async () => {
      const report = await judge("dies-midway");
      expectNoPass(report);
      const manifest = await readYaml(manifestPath("dies-midway"), manifestSchema);
      const planned = planRun(cases, manifest, { patterns, seed: "5eed", repetitionsOf: () => 1 });
      expect(report.cases.map(({ id, runs }) => [id, runs.length])).toEqual(
        planned.map((each) => [each.case.id, each.kind === "run" ? each.cells.length : 0]),
      );
      // It has died: somebody was told so.
      expect(JSON.stringify(report)).toContain("UNAVAILABLE");
    },
    limitMs,
  );
});
