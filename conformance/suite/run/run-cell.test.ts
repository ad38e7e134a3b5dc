import { describe, expect, it } from "vitest";
import { type Case, type CaseDefinition, defineCase } from "../cases/define-case.js";
import type { Bounds } from "../manifest/bounds.js";
import type { Cell } from "../plan/cell.js";
import { runCell } from "./run-cell.js";
import type { Target } from "./target.js";

const target: Target = {
  replicas: [{ name: "r1", url: "http://127.0.0.1:1" }],
  tokenOf: () => undefined,
  observe: () => ({ [Symbol.dispose]: () => undefined }),
  restore: async () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
};

const bounds: Bounds = {
  response: 20,
  interrupt: 20,
  relay_recovery: 20,
  relay_close: 20,
  keepalive: 20,
  notify_poll: 20,
  start: 20,
  lease: 20,
  revocation: 20,
};

type Definition = CaseDefinition<"STREAM-5" | "STREAM-7">;

function caseThat(run: Definition["run"], changes: Partial<Definition> = {}): Case {
  return defineCase({
    id: "group/case",
    title: "does what it is told",
    rules: ["STREAM-5"],
    level: "MUST",
    profile: "core",
    needs: [],
    mutant: "M01",
    limitMs: 10_000,
    ...changes,
    run,
  });
}

const cell: Cell = {
  key: "group/case grpc",
  caseId: "group/case",
  wire: "grpc",
  order: ["b", "a"],
  repetition: 0,
  seed: "5eed",
};

const never = new Promise<never>(() => undefined);
const runOf = (run: Definition["run"], changes?: Partial<Definition>) =>
  runCell(caseThat(run, changes), cell, target, { bounds, models: {} });

describe("a run of a case", () => {
  it("passes when all its checks do", async () => {
    const { result } = await runOf(async ({ check }) => {
      check("STREAM-5", "the same", { expected: { a: [1] }, observed: { a: [1] } });
      check("STREAM-5", "not equal, but what is asked for", { expected: "> 3", observed: 4, holds: true });
    });
    expect(result).toMatchObject({ status: "pass", checks: [{ passed: true }, { passed: true }] });
    expect(result.message).toBeUndefined();
  });

  it("fails when one check does, and goes on to the others", async () => {
    const { result } = await runOf(async ({ check }) => {
      check("STREAM-5", "no gap", { expected: [1, 2], observed: [1, 3] });
      check("STREAM-5", "in order", { expected: true, observed: true });
    });
    expect(result).toMatchObject({
      status: "fail",
      checks: [
        { rule: "STREAM-5", sentence: "no gap", passed: false, expected: "[ 1, 2 ]", observed: "[ 1, 3 ]" },
        { passed: true },
      ],
    });
    expect(result.timeline.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      "check ✗ STREAM-5 no gap",
      "check ✓ STREAM-5 in order",
    ]);
  });

  it("of a SHOULD only warns", async () => {
    const { result } = await runOf(
      async ({ check }) => void check("STREAM-5", "merged", { expected: 1, observed: 2 }),
      { level: "SHOULD" },
    );
    expect(result.status).toBe("warn");
  });

  it("that checked nothing is an error, not a pass", async () => {
    const { result } = await runOf(async () => undefined);
    expect(result).toMatchObject({ status: "error", message: expect.stringContaining("STREAM-5") });
  });

  it("that left one of its rules out is an error, not a pass", async () => {
    const { result } = await runOf(
      async ({ check }) => void check("STREAM-5", "ok", { expected: 1, observed: 1 }),
      { rules: ["STREAM-5", "STREAM-7"] },
    );
    expect(result).toMatchObject({ status: "error", message: expect.stringContaining("STREAM-7") });
  });

  it("that judges a rule it does not name is an error", async () => {
    const { result } = await runOf(
      async ({ check }) => void check("STREAM-7", "ok", { expected: 1, observed: 1 }),
    );
    expect(result).toMatchObject({ status: "error", message: expect.stringContaining("STREAM-7") });
  });

  it("that throws is an error; what had failed before stays failed", async () => {
    const mistake = async (): Promise<never> => {
      throw new Error("a mistake", { cause: new Error("its cause") });
    };
    const thrown = await runOf(mistake);
    expect(thrown.result).toMatchObject({
      status: "error",
      message: "the case threw Error: a mistake, because of Error: its cause",
    });
    const failed = await runOf(async ({ check }) => {
      check("STREAM-5", "no gap", { expected: 1, observed: 2 });
      await mistake();
    });
    expect(failed.result.status).toBe("fail");
  });

  it("that hangs is given up at its limit, as an error, and says what it waited for", async () => {
    const silent = await runOf(async () => never, { limitMs: 20 });
    expect(silent).toMatchObject({ goesOn: true, result: { status: "error" } });
    const waiting = await runOf(async ({ arrange }) => arrange("a turn that runs", "lease", () => never), {
      limitMs: 5,
    });
    expect(waiting.result.message).toContain("a turn that runs");
  });

  it("that waits in vain for what a rule asks has failed by its bound, and looks at nothing more", async () => {
    let wentOn = false;
    let toldToGiveUp = false;
    const { result, goesOn } = await runOf(async ({ waitFor }) => {
      const happens = (signal: AbortSignal): Promise<never> => {
        signal.addEventListener("abort", () => (toldToGiveUp = true));
        return never;
      };
      await waitFor({ rule: "STREAM-5", sentence: "a delta comes", happens }, "interrupt");
      wentOn = true;
    });
    expect(result).toMatchObject({
      status: "fail",
      checks: [
        {
          passed: false,
          expected: "within 20 ms (interrupt)",
          observed: expect.stringMatching(/^not within/),
        },
      ],
    });
    expect({ wentOn, toldToGiveUp, goesOn }).toEqual({ wentOn: false, toldToGiveUp: true, goesOn: false });
  });

  it("fails when the target answers with an error where a rule asks for something", async () => {
    const { result } = await runOf(async ({ waitFor }) => {
      const happens = async (): Promise<never> => {
        throw new Error("UNIMPLEMENTED");
      };
      await waitFor({ rule: "STREAM-5", sentence: "a delta comes", happens }, "interrupt");
    });
    expect(result).toMatchObject({
      status: "fail",
      checks: [{ passed: false, observed: expect.stringContaining("UNIMPLEMENTED") }],
    });
  });

  it("gets what it waited for", async () => {
    const { result } = await runOf(async ({ waitFor, check }) => {
      const got = await waitFor({ rule: "STREAM-5", sentence: "comes", happens: async () => 3 }, "response");
      check("STREAM-5", "it is that", { expected: 3, observed: got });
    });
    expect(result).toMatchObject({ status: "pass", checks: [{ passed: true }, { passed: true }] });
  });

  it.each<[string, Definition["run"]]>([
    ["a precondition does not hold", async ({ precondition }) => precondition("a dial was caught", false)],
    ["what it begins with does not come", async ({ arrange }) => arrange("a turn", "response", () => never)],
    [
      "what it begins with is refused",
      async ({ arrange }) =>
        arrange("a chat", "response", async () => {
          throw new Error("UNIMPLEMENTED");
        }),
    ],
    ["its fence does not come", async ({ fence }) => fence("a round trip", "response", () => never)],
  ])("is not verified when %s", async (_, run) => {
    expect((await runOf(run)).result.status).toBe("not_verified");
  });

  it("may say that nothing came only after a fence", async () => {
    const early = await runOf(async ({ never }) => void never("STREAM-5", "no old delta", []));
    expect(early.result).toMatchObject({ status: "error", message: expect.stringContaining("fence") });
    const clean = await runOf(async ({ fence, never }) => {
      await fence("the turn ended", "response", async () => undefined);
      never("STREAM-5", "no old delta", []);
    });
    expect(clean.result.status).toBe("pass");
    const found = await runOf(async ({ fence, never }) => {
      await fence("the turn ended", "response", async () => undefined);
      never("STREAM-5", "no old delta", ["STALE"]);
    });
    expect(found.result.status).toBe("fail");
  });

  it("releases what it uses in reverse order, however it ends", async () => {
    const released: string[] = [];
    const resource = (name: string) => ({ [Symbol.dispose]: () => void released.push(name) });
    await runOf(async ({ use }) => {
      use(resource("first"));
      use({ [Symbol.asyncDispose]: async () => void released.push("second") });
      use(resource("third"));
      throw new Error("a mistake");
    });
    expect(released).toEqual(["third", "second", "first"]);
  });

  it("is an error when a resource cannot be released, and the others are", async () => {
    let isReleased = false;
    const { result } = await runOf(async ({ use, check }) => {
      use({ [Symbol.dispose]: () => (isReleased = true) });
      use({
        [Symbol.dispose]: () => {
          throw new Error("stuck");
        },
      });
      check("STREAM-5", "ok", { expected: 1, observed: 1 });
    });
    expect(result).toMatchObject({ status: "error", message: expect.stringContaining("stuck") });
    expect(isReleased).toBe(true);
  });

  it("has the chance of its seed and the order of its cell, and a signal that ends with it", async () => {
    const seen: unknown[] = [];
    let signal: AbortSignal | undefined;
    for (let time = 0; time < 2; time++)
      await runOf(async ({ random, order, signal: own }) => {
        signal = own;
        seen.push([random.next(), random.nonce(), random.shuffle([1, 2, 3, 4, 5]), order]);
      });
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[0]).toContainEqual(["b", "a"]);
    expect(signal?.aborted).toBe(true);
  });
});
