// A suite of small cases, each of which ends in a way of its own: what the runner is tested with.
import { type Case, defineCase } from "../cases/define-case.js";
import type { Target } from "./target.js";

const never = new Promise<never>(() => undefined);

const shared = {
  title: "ends in its own way",
  rules: ["STREAM-5"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M01",
  limitMs: 10_000,
} as const;

const bus = { ...shared, needs: ["bus"] } as const;

export const cases: readonly Case[] = [
  defineCase({
    ...shared,
    id: "end/pass",
    wires: "each",
    run: async ({ check, target }) =>
      void check("STREAM-5", "a replica is there", { expected: 1, observed: target.replicas.length }),
  }),
  defineCase({
    ...shared,
    id: "end/fail",
    run: async ({ check, timeline, target }) => {
      timeline.add({
        kind: "frame",
        from: "alice",
        to: "r1",
        text: `Subscribe ${target.replicas[0]?.url ?? ""}`,
      });
      timeline.add({ kind: "frame", from: "r1", to: "alice", text: "message_part seq 1" });
      timeline.add({ kind: "frame", from: "r1", to: "alice", text: "message_part seq 3" });
      check("STREAM-5", "deltas come without gap", { expected: [1, 2], observed: [1, 3] });
    },
  }),
  defineCase({
    ...shared,
    id: "end/warn",
    level: "SHOULD",
    run: async ({ check }) => void check("STREAM-5", "the past comes merged", { expected: 1, observed: 9 }),
  }),
  defineCase({
    ...shared,
    id: "end/not-verified",
    run: async ({ precondition }) => precondition("the hold caught a dial", false),
  }),
  defineCase({
    ...shared,
    id: "end/throw",
    run: async () => {
      throw new Error("a mistake of the case");
    },
  }),
  defineCase({ ...shared, id: "end/hang", limitMs: 50, run: async () => never }),
  defineCase({
    ...shared,
    id: "end/block",
    limitMs: 50,
    run: async () => {
      for (;;);
    },
  }),
  defineCase({
    ...shared,
    id: "end/crash",
    run: async () => {
      process.stderr.write("out of luck\n");
      process.exit(7);
    },
  }),
  defineCase({
    ...shared,
    id: "end/stray",
    run: async () => {
      void Promise.reject(new Error("nobody caught this"));
      await never;
    },
  }),
  defineCase({
    ...bus,
    id: "alone/gates",
    gates: ["dial", "model", "edit"],
    run: async ({ check, order }) =>
      void check("STREAM-5", "gates stand in an order", {
        expected: ["dial", "edit", "model"],
        observed: order.toSorted(),
      }),
  }),
  defineCase({
    ...shared,
    id: "chance/flaky",
    run: async ({ check, random }) =>
      void check("STREAM-5", "the coin shows heads", { expected: true, observed: random.next() < 0.5 }),
  }),
];

export async function openTarget(): Promise<Target> {
  if (process.env["FIXTURE_TARGET"] === "down") throw new Error("connection refused");
  return {
    replicas: [{ name: "r1", url: "http://127.0.0.1:1" }],
    tokenOf: () => undefined,
    observe: () => ({ [Symbol.dispose]: () => undefined }),
    restore: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}
