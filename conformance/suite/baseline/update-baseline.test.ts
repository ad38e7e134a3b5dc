import { parse } from "yaml";
import { expect, it } from "vitest";
import { buildReport } from "../report/report.js";
import { journalOf, resultOf } from "../report/report.fixture.js";
import { type BaselineEntry, baselineSchema } from "./baseline.js";
import { renderBaseline, updateBaseline } from "./update-baseline.js";

const report = buildReport(
  journalOf([
    resultOf("order/gap", "fail"),
    resultOf("order/new", "fail"),
    resultOf("order/new", "fail", { repetition: 1 }),
    resultOf("order/old", "fail"),
    resultOf("order/fine", "pass"),
    resultOf("order/open", "not_verified"),
  ]),
);
const failing = (id: string, more: Partial<BaselineEntry> = {}): BaselineEntry => ({
  case: id,
  status: "failing",
  reason: "known",
  ...more,
});

it("keeps what is still so, drops what is stale, renews what is expired, and takes up each new failure once", () => {
  const flaky = failing("order/fine", { status: "flaky", rate: 0.1 });
  const entries = [
    failing("order/gap"),
    failing("order/fine"),
    failing("order/open"),
    failing("order/old", { expires: "2030-01-01" }),
    flaky,
  ];
  const updated = updateBaseline(entries, report, { reason: "issue 12", expires: "2031-01-01" });
  const fresh = { rule: "STREAM-5", status: "failing", reason: "issue 12", expires: "2031-01-01" };
  expect(updated).toEqual({
    entries: [
      failing("order/gap"),
      failing("order/open"),
      flaky,
      { case: "order/new", ...fresh },
      { case: "order/old", ...fresh },
    ],
    added: 2,
    removed: 2,
  });
  expect(baselineSchema.parse(parse(renderBaseline(updated.entries))).entries).toEqual(updated.entries);
});
