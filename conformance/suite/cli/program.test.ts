import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Case } from "../cases/define-case.js";
import type { Report } from "../report/report.js";
import { cases } from "../run/suite.fixture.js";
import { runCommand } from "./program.js";

const suite = fileURLToPath(new URL("../run/suite.fixture.ts", import.meta.url));

const target = `schema: palaver.conformance.v1
implementation: { name: example, version: "1.0" }
claims: { protocol: "1", profiles: [core], wires: [grpc, connect] }
attach: { urls: ["http://127.0.0.1:1"] }
baseline: ./known.yaml
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "conformance-"));
  await writeFile(join(folder, "target.yaml"), target);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Listed {
  readonly cases: readonly { readonly id: string; readonly target: { readonly kind: string } }[];
  readonly unlocks: readonly unknown[];
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command on the fixture's cases, or others. */
async function conformance(line: string, of: readonly Case[] = cases): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const code = await runCommand(line.replaceAll("@", `${folder}/`).split(" "), {
    stdout: { write: (text) => void (stdout += text) },
    stderr: { write: (text) => void (stderr += text) },
    env: {},
    cases: of,
    suite,
    signal: new AbortController().signal,
  });
  return { code, stdout, stderr };
}

const busCase = cases.find(({ needs }) => needs.includes("bus")) as Case;

const options = "--target @target.yaml --output @out --seed 5eed";
const reportIn = (text: string): Report => JSON.parse(text) as Report;

describe("run", () => {
  it("ends with 0 when all that was run has passed, and writes every report", async () => {
    const { code, stdout } = await conformance(`run end/pass ${options}`);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("All claims met") });
    expect((await readdir(join(folder, "out"))).sort()).toEqual([
      "badge.json",
      "junit.xml",
      "report.html",
      "report.json",
      "results.jsonl",
      "summary.md",
    ]);
    const report = reportIn(await readFile(join(folder, "out/report.json"), "utf8"));
    expect(report).toMatchObject({
      summary: { pass: 1, fail: 0, warn: 0, not_applicable: 0, not_verified: 0, error: 0 },
      verdict: "met",
      complete: true,
      cases: [{ id: "end/pass", status: "pass", rules: ["STREAM-5"], duration_ms: expect.any(Number) }],
    });
  });

  it("ends with 1 for a failure, and says rule, expected, observed, what happened and how to see it again", async () => {
    const { code, stdout } = await conformance(`run end/pass end/fail end/warn end/throw ${options}`);
    expect(code).toBe(1);
    expect(stdout).toContain("STREAM-5  Within an episode deltas come in the order of `seq`");
    expect(stdout).toContain("expected: [ 1, 2 ]");
    expect(stdout).toContain("observed: [ 1, 3 ]");
    expect(stdout).toContain("message_part seq 3");
    expect(stdout).toMatch(
      /again: npm run conformance -- replay end\/fail --target .* --wire grpc --seed \w{8}/,
    );
    expect(stdout).toContain("1 passed, 1 failed, 1 warned, 1 errors of the suite");
  });

  it("ends with 0 for warnings alone", async () => {
    expect((await conformance(`run end/pass end/warn ${options}`)).code).toBe(0);
  });

  it("ends with 3 when something could not be verified, or nothing was run", async () => {
    expect((await conformance(`run end/pass end/not-verified ${options}`)).code).toBe(3);
    const none = await conformance(`run ${options}`, []);
    expect(none).toMatchObject({ code: 3, stdout: expect.stringContaining("no case was run") });
  });

  it("ends with 3 when the target lacks what a case needs, and says how to unlock it", async () => {
    const { code, stdout } = await conformance(`run end/pass alone ${options}`);
    expect(code).toBe(3);
    expect(stdout).toContain("name the variable with the bus's URL in attach.bus (1 case)");
  });

  it("ends with 4 when the suite fails", async () => {
    expect((await conformance(`run end/pass end/throw ${options}`)).code).toBe(4);
  });

  it("ends with 2 for a wrong command line, manifest or baseline, and says what is wrong", async () => {
    expect(await conformance(`run nowhere ${options}`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no case is called nowhere"),
    });
    expect((await conformance("run --nonsense")).code).toBe(2);
    await writeFile(
      join(folder, "known.yaml"),
      "schema: palaver.conformance.baseline.v1\nentries: [{ case: 3 }]\n",
    );
    expect(await conformance(`run end/pass ${options}`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("known.yaml:2: entries[0]"),
    });
  });

  it.each(["run end/pass --output @out", "replay end/pass", "doctor"])(
    "ends with 2 when a variable is not set that the manifest names, and says where: %s",
    async (line) => {
      const users = "auth: { alice: { token_env: NOT_SET_ANYWHERE } }\n";
      await writeFile(join(folder, "target.yaml"), `${target}${users}`);
      expect(await conformance(`${line} --target @target.yaml`)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(
          "target.yaml: auth.alice: NOT_SET_ANYWHERE is not set in the environment",
        ),
      });
      expect((await conformance("list --target @target.yaml")).code).toBe(0);
    },
  );

  it("names the reason once that many cases have in common", async () => {
    const alike = Array.from({ length: 9 }, (_, index): Case => ({ ...busCase, id: `alike/c${index}` }));
    const { stdout } = await conformance(`run ${options}`, alike);
    expect(stdout).toContain("  9 cases (alike/c0 …): the manifest offers no way to get at the bus\n");
  });

  it("prints nothing but the report with --json", async () => {
    const { stdout, stderr } = await conformance(`run end/pass --json ${options}`);
    expect(reportIn(stdout)).toMatchObject({ seed: "5eed" });
    expect(stderr).toContain("✓ end/pass");
  });
});

describe("a run that was broken off", () => {
  it("loses no result, and its reports are made by report", async () => {
    await conformance(`run end/pass end/fail ${options}`);
    const path = join(folder, "out/results.jsonl");
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    // As if the suite had died in the midst of the last result.
    const cut = lines.filter((line) => !line.includes('"type":"ended"')).join("\n");
    await writeFile(path, cut.slice(0, -40));
    const { code, stdout } = await conformance("report --json --output @out");
    const report = reportIn(stdout);
    expect(report.complete).toBe(false);
    expect(code).toBe(report.exit_code);
    expect(report.cases.flatMap(({ runs }) => runs)).toHaveLength(2);
    expect(report.summary.error).toBe(1);
  });
});

describe("replay", () => {
  it("shows all of a run, also of one that passes", async () => {
    const { stdout } = await conformance("replay end/pass --target @target.yaml");
    expect(stdout).toContain("✓ STREAM-5 a replica is there");
  });

  it("has the same chance from the seed that the report names", async () => {
    const { stdout } = await conformance(`run chance/flaky --repeat 8 --json ${options}`);
    const runs = reportIn(stdout).cases.flatMap((each) => each.runs);
    expect(new Set(runs.map(({ status }) => status))).toEqual(new Set(["pass", "fail"]));
    for (const status of ["pass", "fail"]) {
      const seed = runs.find((run) => run.status === status)?.seed ?? "";
      const again = await conformance(`replay chance/flaky --json --target @target.yaml --seed ${seed}`);
      expect(reportIn(again.stdout).cases[0]?.status).toBe(status);
    }
  });

  it("refuses an order that is none of the case's gates", async () => {
    expect(await conformance("replay end/pass --order dial --target @target.yaml")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("it has none"),
    });
  });
});

describe("the baseline", () => {
  it("takes up what fails, keeps the run from failing for it, and fails the run when it is not true any more", async () => {
    await conformance(`run end/fail end/pass ${options}`);
    const update = "baseline update --target @target.yaml --output @out --reason later";
    expect((await conformance(update)).stdout).toContain("1 entries, 1 new, 0 gone");
    const known = await conformance(`run end/fail end/pass --json ${options}`);
    expect(known.code).toBe(0);
    expect(reportIn(known.stdout)).toMatchObject({
      verdict: "met_but_for_known_failures",
      known_failures: 1,
      summary: { fail: 1 },
      requirements: expect.arrayContaining([expect.objectContaining({ id: "STREAM-5", status: "not_met" })]),
    });
    const path = join(folder, "known.yaml");
    await writeFile(path, (await readFile(path, "utf8")).replace("end/fail", "end/pass"));
    const stale = await conformance(`run end/pass ${options}`);
    expect(stale).toMatchObject({ code: 1, stdout: expect.stringContaining("stale") });
    expect((await conformance(update)).stdout).toContain("0 entries, 0 new, 1 gone");
  });
});

describe("list and explain", () => {
  it("say what would become of each case", async () => {
    const { code, stdout } = await conformance("list --target @target.yaml --json");
    expect(code).toBe(0);
    const { cases: listed, unlocks } = JSON.parse(stdout) as Listed;
    const fates = Object.fromEntries(listed.map(({ id, target: fate }) => [id, fate.kind]));
    expect(fates).toMatchObject({ "end/pass": "run", "alone/gates": "not_verified" });
    expect(unlocks).toMatchObject([{ need: "bus", tier: "cluster", cases: 1, among: 0 }]);
  });

  it("say what a rule asks for, and what a case does", async () => {
    expect((await conformance("explain relay-3")).stdout).toMatch(/^RELAY-3 \[MUST\]\nThe answer to a dial/);
    expect((await conformance("explain alone/gates")).stdout).toContain("every order of dial, model, edit");
    expect((await conformance("explain nowhere/else")).code).toBe(2);
    expect(await conformance("explain RELAY-999")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no rule is called RELAY-999"),
    });
  });
});
