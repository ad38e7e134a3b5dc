import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { afterEach, expect, test } from "vitest";
import { PromptScreen } from "./prompt-screen.js";

const screens: PromptScreen[] = [];
afterEach(() => {
  for (const screen of screens.splice(0)) screen[Symbol.dispose]();
});

function setup() {
  const input = new PassThrough();
  const output = new PassThrough();
  const lines: string[] = [];
  const interrupts: string[] = [];
  let ended = false;
  const screen = new PromptScreen({
    input,
    output: Object.assign(output, { isTTY: true, columns: 80 }),
    prompt: "> ",
    onLine: (line) => void lines.push(line),
    onInterrupt: (line) => void interrupts.push(line),
    onEnd: () => (ended = true),
  });
  screens.push(screen);
  /** What has been written since the last look, without what moves the cursor. */
  const written = (): string => stripVTControlCharacters((output.read() as Buffer | null)?.toString() ?? "");
  return { input, screen, lines, interrupts, written, hasEnded: () => ended };
}

test("there is no prompt while output flows, and one when it has ended", () => {
  const { screen, written } = setup();
  screen.write("half a li");
  expect(written()).toBe("half a li");
  screen.setBusy(false);
  expect(written()).toBe("\n> ");
});

test("whoever types gets a line of their own; output waits until it is sent", () => {
  const { screen, input, lines, written } = setup();
  screen.write("half a li");
  written();
  input.write("wait");
  expect(written()).toBe("\n> wait");
  screen.write("ne\n");
  expect(written()).toBe("");
  input.write("\r");
  expect(lines).toEqual(["wait"]);
  expect(written()).toBe("\r\nne\n");
});

test("output goes on when what was typed is deleted", () => {
  const { screen, input, written } = setup();
  input.write("x");
  screen.write("more");
  written();
  input.write("\u007f");
  expect(written()).toMatch(/more$/);
});

test("output at a waiting prompt goes above it, and what is typed stays", () => {
  const { screen, input, written } = setup();
  screen.setBusy(false);
  input.write("typed");
  written();
  screen.write("news\n");
  expect(written()).toBe("news\n> typed");
});

test("Ctrl-C is told with what is typed, which can be emptied", () => {
  const { screen, input, interrupts, lines } = setup();
  screen.setBusy(false);
  input.write("typed\u0003");
  screen.clearLine();
  input.write("\u0003x\r");
  expect(interrupts).toEqual(["typed", ""]);
  expect(lines).toEqual(["x"]);
});

test("Ctrl-D ends", () => {
  const { screen, input, hasEnded } = setup();
  screen.setBusy(false);
  input.write("\u0004");
  expect(hasEnded()).toBe(true);
});
