import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CaseDefinition, type Case, defineCase } from "../cases/define-case.js";
import { isSelected } from "../cases/select.js";
import { needNames } from "../cases/vocabulary.js";
import { manifest } from "../manifest/manifest.fixture.js";
import { offersOf } from "./offers.js";
import { ordersOf } from "./orders.js";
import { planRun } from "./plan.js";
import { tiers, unlocksOf } from "./unlocks.js";

function caseWith(changes: Partial<CaseDefinition<"STREAM-5">> = {}): Case {
  return defineCase({
    id: "group/case",
    title: "does something",
    rules: ["STREAM-5"],
    level: "MUST",
    profile: "core",
    needs: [],
    mutant: "M01",
    limitMs: 1_000,
    run: async () => undefined,
    ...changes,
  });
}

const plan = (cases: readonly Case[], patterns: readonly string[] = []) =>
  planRun(cases, manifest, { patterns, seed: "5eed", repetitionsOf: () => 1 });

describe("a plan", () => {
  it.each([
    ["one", ["grpc"]],
    ["each", ["grpc", "connect"]],
    [["connect", "grpc-web"], ["connect"]],
  ] as const)("for the wires %s runs a case over those that are claimed", (wires, expected) => {
    const [planned] = plan([caseWith({ wires })]);
    expect(planned).toMatchObject({ kind: "run", cells: expected.map((wire) => ({ wire })) });
  });

  it.each<[string, Partial<CaseDefinition<"STREAM-5">>]>([
    ["the profile legacy", { profile: "legacy" }],
    ["the feature client_tools", { features: ["client_tools"] }],
    ["any of the wires grpc-web", { wires: ["grpc-web"] }],
  ])("says that %s is not claimed", (what, changes) => {
    expect(plan([caseWith(changes)])).toMatchObject([
      { kind: "not_applicable", why: `${what} is not claimed` },
    ]);
  });

  it("verifies nothing that the manifest offers no means for, and says which, and what would unlock how many", () => {
    const planned = plan([
      caseWith({ needs: ["model"] }),
      caseWith({ id: "group/links", needs: ["model", "links"] }),
      caseWith({ id: "group/both", needs: ["links", "replicas"] }),
    ]);
    expect(planned.map(({ kind }) => kind)).toEqual(["run", "not_verified", "not_verified"]);
    expect(unlocksOf(planned, manifest)).toMatchObject([
      { tier: "cluster", need: "links", cases: 1, among: 1 },
      { tier: "cluster", need: "replicas", cases: 0, among: 1 },
    ]);
  });

  it("has one cell for each order of the gates, over each wire, with keys and seeds of their own that repeat", () => {
    const cases = [caseWith({ wires: "each", gates: ["a", "b", "c"] })];
    const [planned] = plan(cases);
    const cells = planned?.kind === "run" ? planned.cells : [];
    expect(cells).toHaveLength(12);
    expect(new Set(cells.map(({ key }) => key)).size).toBe(12);
    expect(new Set(cells.map(({ seed }) => seed)).size).toBe(12);
    expect(plan(cases)).toEqual([planned]);
  });

  it("runs a case that disturbs others alone", () => {
    expect(caseWith({ needs: ["model", "replicas"] }).isExclusive).toBe(false);
    for (const need of ["links", "bus", "processes"] as const)
      expect(caseWith({ needs: ["model", need] }).isExclusive).toBe(true);
  });
});

describe("a selection", () => {
  it.each([
    [[], true],
    [["relay-stale"], true],
    [["relay-stale/dial"], true],
    [["relay-*"], true],
    [["*/dial"], true],
    [["order", "relay-stale/*"], true],
    [["relay"], false],
    [["relay-stale/dia"], false],
    [["relay.stale"], false],
  ])("of %j means relay-stale/dial: %s", (patterns, expected) => {
    expect(isSelected("relay-stale/dial", patterns)).toBe(expected);
  });
});

it("the orders of a list are all there are, each once", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { maxLength: 5 }), (list) => {
      const orders = ordersOf(list);
      const factorial = list.reduce((product, _, index) => product * (index + 1), 1);
      expect(orders[0]).toEqual(list);
      expect(new Set(orders.map((order) => JSON.stringify(order))).size).toBe(factorial);
      expect(orders).toHaveLength(factorial);
      for (const order of orders) expect(order.toSorted()).toEqual(list.toSorted());
    }),
  );
});

it("every need belongs to a tier, and a manifest says how each could be offered", () => {
  expect(Object.values(tiers).flat().sort()).toEqual([...needNames].sort());
  const launched = offersOf({
    ...manifest,
    attach: undefined,
    launch: { replicas: 1, command: ["x", "{listen}"], env: {}, ready: "grpc_health", vectors: false },
  });
  expect(launched).toMatchObject({
    processes: { isThere: true },
    replicas: { isThere: false },
    model: { isThere: false },
  });
});

describe("a case", () => {
  it.each<[string, Partial<CaseDefinition<"STREAM-5">>]>([
    ["an id is group/slug", { id: "Group/case" }],
    ["a mutant is M and two or three digits", { mutant: "M1" }],
    ["more than 5 gates", { gates: ["a", "b", "c", "d", "e", "f"] }],
    ["two gates have the same name", { gates: ["a", "a"] }],
    ["gates are named in small letters", { gates: ["a,b"] }],
    ["a rule is named twice", { rules: ["STREAM-5", "STREAM-5"] }],
    ["the limit is between", { limitMs: 0 }],
  ])("is refused when it is defined, not when it runs: %s", (message, changes) => {
    expect(() => caseWith(changes)).toThrow(message);
  });
});
