import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { manifest } from "../manifest/manifest.fixture.js";
import { planRun } from "../plan/plan.js";
import type { CellResult } from "./cell-result.js";
import { runCells } from "./run-cells.js";
import { cases } from "./suite.fixture.js";

const suite = fileURLToPath(new URL("suite.fixture.ts", import.meta.url));

async function runAll(patterns: readonly string[], signal?: AbortSignal): Promise<CellResult[]> {
  const plan = planRun(cases, manifest, { patterns, seed: "5eed", repetitionsOf: () => 1 });
  const cells = plan.flatMap((planned) => (planned.kind === "run" ? planned.cells : []));
  const results: CellResult[] = [];
  await runCells(cells, {
    suite,
    cases,
    manifest,
    width: 8,
    graceMs: 3_000,
    ...(signal === undefined ? {} : { signal }),
    onBegun: () => undefined,
    onFinished: (result) => void results.push(result),
  });
  return results;
}

const statusesOf = (results: readonly CellResult[]) =>
  Object.fromEntries(results.map(({ cell, status }) => [cell.key, status]));

it("a crash, a blocked process and a stray rejection are errors of their own cases, and lose no other result", async () => {
  const results = await runAll(["end"]);
  expect(statusesOf(results)).toEqual({
    "end/pass grpc": "pass",
    "end/pass connect": "pass",
    "end/fail grpc": "fail",
    "end/warn grpc": "warn",
    "end/not-verified grpc": "not_verified",
    "end/throw grpc": "error",
    "end/hang grpc": "error",
    "end/block grpc": "error",
    "end/crash grpc": "error",
    "end/stray grpc": "error",
  });
  expect(results).toHaveLength(10);
  const messageOf = (id: string): string | undefined =>
    results.find(({ cell }) => cell.caseId === id)?.message;
  expect(messageOf("end/crash")).toMatch(/ended with code 7: out of luck/);
  expect(messageOf("end/block")).toMatch(/it was silent/);
  expect(messageOf("end/stray")).toMatch(/nobody caught this/);
}, 120_000);

it("a case with gates runs once in every order", async () => {
  const results = await runAll(["alone"]);
  expect(results.map(({ status }) => status)).toEqual(Array(6).fill("pass"));
  expect(new Set(results.map(({ cell }) => cell.order.join(">"))).size).toBe(6);
});

it("without a target nothing is verified", async () => {
  process.env["FIXTURE_TARGET"] = "down";
  onTestFinished(() => {
    delete process.env["FIXTURE_TARGET"];
  });
  const results = await runAll(["end/pass"]);
  expect(results).toHaveLength(2);
  for (const { status, message } of results) {
    expect(status).toBe("not_verified");
    expect(message).toContain("connection refused");
  }
});

it("a run that is ended ends at once, also while a case blocks its process", async () => {
  const ended = new AbortController();
  const running = runAll(["end/block"], ended.signal);
  ended.abort();
  expect(await running).toEqual([]);
});
