import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { ManualClock, systemRandom } from "../platform/index.js";
import { line } from "./piece.js";
import type { Surroundings } from "./terminal.js";
import { writerFor } from "./transcript-writer.js";

function surroundings(
  isTTY: boolean,
  env: NodeJS.ProcessEnv = {},
): Surroundings & { read(): { stdout: string; stderr: string } } {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const text = (stream: PassThrough): string => (stream.read() as Buffer | null)?.toString() ?? "";
  return {
    env,
    stdin,
    stdout: Object.assign(stdout, { isTTY }),
    stderr: Object.assign(stderr, { isTTY }),
    clock: new ManualClock(),
    random: systemRandom,
    onInterrupt: () => ({ [Symbol.dispose]: () => undefined }),
    onTerminate: () => ({ [Symbol.dispose]: () => undefined }),
    exitNow: () => undefined,
    outliveReaders: () => undefined,
    read: () => ({ stdout: text(stdout), stderr: text(stderr) }),
  };
}

const pieces = [
  line("tool", "→ now {}"),
  { type: "flow", tone: "answer", key: "a", text: "It is " },
  line("note", "note"),
  { type: "flow", tone: "answer", key: "a", text: "noon." },
] as const;

test("on a terminal everything goes to standard output, in order and coloured", () => {
  const world = surroundings(true);
  writerFor(world).write(pieces);
  expect(world.read()).toEqual({
    stdout: "\u001b[36m→ now {}\u001b[39m\nIt is \n\u001b[2mnote\u001b[22m\nnoon.",
    stderr: "",
  });
});

test.each([{ NO_COLOR: "1" }, { TERM: "dumb" }])("%j means no colours", (env) => {
  const world = surroundings(true, env);
  writerFor(world).write(pieces);
  expect(world.read().stdout).toBe("→ now {}\nIt is \nnote\nnoon.");
});

const wholeParts = [
  { type: "flow", tone: "reasoning", key: "a", text: "Hm." },
  { type: "flow", tone: "answer", key: "b", text: "Let me look." },
  line("tool", "→ now {}"),
  { type: "flow", tone: "answer", key: "c", text: "It is noon." },
] as const;

test("elsewhere standard output gets the answer alone", () => {
  const world = surroundings(false);
  const writer = writerFor(world);
  writer.write(wholeParts);
  writer.endLine();
  expect(world.read()).toEqual({ stdout: "Let me look.\nIt is noon.\n", stderr: "Hm.\n→ now {}\n" });
});

test("in one pipe for both, every line stands by itself", () => {
  const pipe = new PassThrough();
  const writer = writerFor({ ...surroundings(false), stdout: pipe, stderr: pipe });
  writer.write(wholeParts);
  writer.endLine();
  expect((pipe.read() as Buffer).toString()).toBe("Hm.\nLet me look.\n→ now {}\nIt is noon.\n");
});
