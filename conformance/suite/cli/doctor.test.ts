import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reservePort } from "../../surroundings/reserved-port.js";
import { manifestSchema } from "../manifest/manifest.js";
import { readYaml } from "../manifest/read-yaml.js";
import { openTarget } from "../run/open-target.js";
import { cases } from "../run/suite.fixture.js";
import { runCommand } from "./program.js";

const suite = fileURLToPath(new URL("../run/suite.fixture.ts", import.meta.url));
const single = fileURLToPath(new URL("../../target.single.yaml", import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "conformance-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Diagnosis {
  readonly findings: readonly {
    readonly about: string;
    readonly ok: boolean;
    readonly detail: string;
    readonly advice?: string;
  }[];
  readonly needs: readonly { readonly need: string; readonly status: string }[];
  readonly exit_code: number;
}

async function doctor(target: string, ...options: string[]): Promise<{ code: number; stdout: string }> {
  let stdout = "";
  const code = await runCommand(["doctor", "--target", target, ...options], {
    stdout: { write: (text) => void (stdout += text) },
    stderr: { write: (text) => void (stdout += text) },
    env: {},
    cases,
    suite,
    signal: new AbortController().signal,
  });
  return { code, stdout };
}

/** The manifest of one replica, with a word replaced. */
async function singleWith(from: string, to: string): Promise<string> {
  const text = await readFile(single, "utf8");
  expect(text).toContain(from);
  const path = join(folder, "target.yaml");
  await writeFile(path, text.replace(from, to));
  return path;
}

describe("the doctor", { timeout: 120_000 }, () => {
  it("finds a target in order, proves what it offers, and says what it does not", async () => {
    const { code, stdout } = await doctor(single, "--json");
    const { findings, needs, exit_code: own } = JSON.parse(stdout) as Diagnosis;
    expect(findings.filter(({ ok }) => !ok)).toEqual([]);
    expect({ code, own }).toEqual({ code: 0, own: 0 });
    expect(findings.map(({ about }) => about)).toEqual([
      "target",
      "r1 health",
      "r1 grpc",
      "r1 grpc-web-h1",
      "r1 grpc-web-h2",
      "r1 connect-h1",
      "r1 connect-h2",
      "r1 connect-json-h1",
      "r1 connect-json-h2",
      "a turn (openai)",
      "a turn (anthropic)",
      "r1 process",
    ]);
    expect(findings).toContainEqual(
      expect.objectContaining({ about: "a turn (openai)", detail: expect.stringContaining("r1 asked") }),
    );
    expect(Object.fromEntries(needs.map(({ need, status }) => [need, status]))).toEqual({
      second_user: "not_offered",
      model: "ok",
      anthropic: "ok",
      vectors: "not_offered",
      replicas: "not_offered",
      links: "not_offered",
      bus: "not_offered",
      processes: "ok",
    });
  });

  it("says that the model is not asked where the manifest leads it, what to do, and whom that concerns", async () => {
    const target = await singleWith(
      'ANTHROPIC_BASE_URL: "{model}/v1"',
      "ANTHROPIC_BASE_URL: http://127.0.0.1:1",
    );
    const { code, stdout } = await doctor(target);
    expect(code).toBe(3);
    expect(stdout).toMatch(/✓ a turn \(openai\)/);
    expect(stdout).toMatch(/✗ a turn \(anthropic\) .*\n {4}give the target \{model\}/);
    expect(stdout).toContain("✗ the scripted model in Anthropic's dialect");
    expect(stdout).toMatch(/– the bus: name the variable with the bus's URL in launch.bus \(1 case\)/);
    expect(stdout).toMatch(
      /With this manifest \d+ of the \d+ cases about what is claimed would run; the others/,
    );
  });

  it("says of a target that runs which base URL its model provider has to have", async () => {
    const running = await openTarget(await readYaml(single, manifestSchema));
    const model = `127.0.0.1:${(await reservePort()).port}`;
    const target = join(folder, "attach.yaml");
    await writeFile(
      target,
      [
        "schema: palaver.conformance.v1",
        'implementation: { name: example, version: "1.0" }',
        'claims: { protocol: "1", profiles: [core], wires: [grpc] }',
        `attach: { urls: ["${running.replicas[0]?.url ?? ""}"], model: "${model}" }`,
      ].join("\n"),
    );
    try {
      const { code, stdout } = await doctor(target);
      expect(code).toBe(3);
      expect(stdout).toContain("1 replica reached");
      expect(stdout).toMatch(/✗ a turn \(openai\)/);
      expect(stdout).toContain(`give r1 http://${model}/m/r1 as the base URL of its model provider`);
    } finally {
      await running[Symbol.asyncDispose]();
    }
  });

  it("tells of a target that does not start in its own words", async () => {
    const target = await singleWith("src/cli/main.ts, serve]", "src/cli/main.ts, serve, --nonsense]");
    const { code, stdout } = await doctor(target);
    expect(code).toBe(3);
    expect(stdout).toMatch(/✗ target .*r1 ended before it served: .*--nonsense/);
    expect(stdout).not.toContain("What cases need");
  });
});
