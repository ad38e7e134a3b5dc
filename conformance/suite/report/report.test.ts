import { describe, expect, it } from "vitest";
import type { CellResult } from "../run/cell-result.js";
import { renderBadge } from "./badge.js";
import { renderHtml } from "./html.js";
import { renderJunit } from "./junit.js";
import { renderMarkdown } from "./markdown.js";
import { buildReport } from "./report.js";
import { journalOf, resultOf } from "./report.fixture.js";

const hostile = '</pre><script>alert(1)</script> ]]> "\u0000\ud800';

const failed: CellResult = {
  ...resultOf("order/gap", "fail"),
  checks: resultOf("order/gap", "fail").checks.map((check) => ({ ...check, observed: hostile })),
  timeline: Array.from({ length: 100 }, (_, index) => ({
    atMs: index,
    kind: "frame" as const,
    from: "alice",
    to: index % 2 === 0 ? "r1" : undefined,
    text: `frame ${index} ${hostile}`,
  })),
};
const results = [
  failed,
  resultOf("order/fine", "pass"),
  resultOf("flow/many", "warn"),
  resultOf("bus/hint", "not_verified", { message: "no hint was seen" }),
  resultOf("owner/zombie", "error", { message: "the case threw Error: x" }),
];
const report = buildReport(journalOf(results));

describe("a report", () => {
  it("counts cases, not runs; a case is what its worst run is", () => {
    const runs = [resultOf("order/gap", "pass"), resultOf("order/gap", "fail", { repetition: 1 })];
    expect(buildReport(journalOf(runs))).toMatchObject({
      summary: { pass: 0, fail: 1 },
      cases: [{ status: "fail", duration_ms: 3_000, runs: [{ status: "pass" }, { status: "fail" }] }],
    });
  });

  it.each<[readonly CellResult[], string, number]>([
    [[resultOf("a/a", "pass"), resultOf("a/w", "warn")], "met", 0],
    [results, "not_met", 1],
    [[resultOf("a/a", "pass"), resultOf("a/b", "not_verified")], "inconclusive", 3],
    [[], "inconclusive", 3],
    [[resultOf("a/b", "not_verified"), resultOf("a/c", "error")], "suite_error", 4],
  ])("has a verdict and an exit code (%#)", (of, verdict, code) => {
    expect(buildReport(journalOf(of))).toMatchObject({ verdict, exit_code: code });
  });

  it("of a run that was broken off has what was lost as an error or not verified, and is never met", () => {
    const journal = journalOf([resultOf("a/a", "pass"), resultOf("a/b", "pass"), resultOf("a/c", "pass")]);
    const cut = {
      ...journal,
      results: journal.results.slice(0, 1),
      begun: new Set(["a/b grpc"]),
      durationMs: undefined,
    };
    expect(buildReport(cut).cases.map(({ status }) => status)).toEqual(["pass", "error", "not_verified"]);
    expect(buildReport({ ...journal, durationMs: undefined })).toMatchObject({ verdict: "inconclusive" });
  });

  it("calls a rule met only when every claimed case of it has passed", () => {
    const statusIn = (of: readonly CellResult[]) =>
      buildReport(journalOf(of)).requirements.find(({ id }) => id === "STREAM-5")?.status;
    expect(statusIn([resultOf("a/a", "pass")])).toBe("met");
    expect(statusIn([resultOf("a/a", "pass"), resultOf("a/b", "not_verified")])).toBe("not_verified");
    expect(statusIn([resultOf("a/a", "pass"), resultOf("a/b", "fail")])).toBe("not_met");
    expect(statusIn([])).toBe("not_covered");
  });

  it("as HTML escapes what the target sent, needs nothing from outside, and draws each failure", () => {
    const html = renderHtml(report);
    expect(html).not.toContain("<script");
    expect(html).not.toMatch(/(?:src|href)="(?!#)/);
    expect(html).not.toMatch(/url\(|@import/);
    expect(html).toContain('<svg class="sd"');
    expect(html).toContain('<details class="case" id="order/gap" open>');
    expect(html).toContain('<details class="case" id="order/fine">');
    expect(html).toContain("Within an episode deltas come in the order of <code>seq</code>");
    expect(html.match(/<text class="sd-text"/g)).toHaveLength(60);
  });

  it("as JUnit XML has the counts and texts of its cases, and no character that XML forbids", () => {
    const xml = renderJunit(report);
    expect(xml).toContain('tests="5" failures="1" errors="1" skipped="1" time="7.500"');
    expect(xml).toContain('<failure message="STREAM-5: no gap" type="STREAM-5">');
    expect(xml).toContain('<skipped message="not_verified: no hint was seen"/>');
    expect(xml).not.toContain("<script");
    expect(xml).not.toContain("\u0000");
    expect(xml.isWellFormed()).toBe(true);
    const tags = [...xml.matchAll(/<(\/?)([a-z-]+)[^>]*?(\/?)>/g)];
    expect(tags.filter(([, end]) => end === "/").length).toBe(
      tags.filter(([, end, , empty]) => end === "" && empty === "").length,
    );
  });

  it("as Markdown keeps what the target sent inside its block", () => {
    const fences = {
      ...failed,
      checks: failed.checks.map((check) => ({ ...check, observed: "```\n# not a title" })),
    };
    const markdown = renderMarkdown(buildReport(journalOf([fences])));
    expect(markdown).toContain("````text\n");
    expect(markdown).toContain("again: npm run conformance -- replay order/gap");
    expect(markdown.match(/^`{4}$/gm)).toHaveLength(1);
  });

  it("as a badge never calls met what is not", () => {
    expect(JSON.parse(renderBadge(report))).toMatchObject({
      schemaVersion: 1,
      message: "1 failed",
      color: "red",
    });
    const known = journalOf([failed], [{ case: "order/gap", status: "failing", reason: "known" }]);
    expect(JSON.parse(renderBadge(buildReport(known)))).toMatchObject({
      message: "1 known failures",
      color: "yellow",
    });
    expect(JSON.parse(renderBadge(buildReport(journalOf([]))))).toMatchObject({ message: "inconclusive" });
  });
});
