import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { startProgram } from "./program.js";

/** A program that does something, and is ready then. */
function node(something: string): readonly string[] {
  return [process.execPath, "-e", `${something} console.log(JSON.stringify({ pid: process.pid }));`];
}

const forever = "setInterval(() => {}, 1000);";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (isAlive(pid)) {
    if (performance.now() > deadlineMs) throw new Error(`process ${pid} is still there`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("a program", () => {
  it("says with its first line that it is ready, and is itself the process that signals go to", async () => {
    await using program = startProgram({ command: node(forever) });
    expect(await program.firstLine()).toEqual({ pid: program.pid });
    expect(await program.kill()).toEqual({ code: null, signal: "SIGKILL" });
    expect(isAlive(program.pid)).toBe(false);
  });

  it("gets the environment it was given and the PATH, and nothing else of ours", async () => {
    const command = [process.execPath, "-e", "console.log(JSON.stringify(Object.keys(process.env).sort()))"];
    await using program = startProgram({ command, env: { GIVEN: "1" } });
    // The shell that becomes the program may add its working directory.
    const names = ((await program.firstLine()) as string[]).filter(
      (name) => !["PWD", "SHLVL", "_"].includes(name),
    );
    expect(names).toEqual(["GIVEN", "PATH"]);
  });

  it("that ends before it is ready fails with what it said", async () => {
    await using program = startProgram({
      command: [process.execPath, "-e", "console.error('no luck'); process.exit(3)"],
    });
    await expect(program.firstLine()).rejects.toThrow("no luck");
    expect(await program.ended).toEqual({ code: 3, signal: null });
  });

  it("that is not there ends as a shell says it", async () => {
    await using program = startProgram({ command: ["/nowhere/palaver"] });
    expect(await program.ended).toEqual({ code: 127, signal: null });
  });

  it("that is asked to end does so with its own code", async () => {
    await using program = startProgram({
      command: node(`process.on("SIGTERM", () => process.exit(7)); ${forever}`),
    });
    await program.firstLine();
    expect(await program.terminate()).toEqual({ code: 7, signal: null });
  });

  it("keeps the end of what it wrote to standard error", async () => {
    const write = "process.stderr.write('a'.repeat(300_000) + 'the end');";
    await using program = startProgram({ command: node(write) });
    await program.ended;
    expect(program.stderr.endsWith("the end")).toBe(true);
    expect(program.stderr).toHaveLength(256 * 1024);
  });

  it.runIf(existsSync("/proc/self"))("stands still when it was stopped, until it is continued", async () => {
    await using program = startProgram({ command: node("setInterval(() => process.stderr.write('.'), 1);") });
    await program.firstLine();
    await program.stop();
    // What it wrote before is in the pipe; an answer from a process that runs takes longer than reading that.
    const other = spawn(process.execPath, ["-e", ""]);
    await once(other, "close");
    const before = program.stderr.length;
    const another = spawn(process.execPath, ["-e", ""]);
    await once(another, "close");
    expect(program.stderr).toHaveLength(before);
    program.continue();
    const deadlineMs = performance.now() + 10_000;
    while (program.stderr.length === before && performance.now() < deadlineMs)
      await new Promise((resolve) => setTimeout(resolve, 1));
    expect(program.stderr.length).toBeGreaterThan(before);
  });

  it("that is stopped can be killed, and takes along what it has started", async () => {
    const start = `const { pid } = require("node:child_process").spawn("sleep", ["1000"]);`;
    await using program = startProgram({
      command: [process.execPath, "-e", `${start} console.log(JSON.stringify({ child: pid })); ${forever}`],
    });
    const { child } = (await program.firstLine()) as { child: number };
    await program.stop();
    await program.kill();
    await gone(child);
  });
});

describe("whoever started a program", () => {
  const parent = (then: string): string => `
    import { startProgram } from ${JSON.stringify(fileURLToPath(new URL("program.ts", import.meta.url)))};
    const command = [process.execPath, "-e", "console.log(1); setInterval(() => {}, 1000)"];
    const program = startProgram({ command });
    await program.firstLine();
    console.log(program.pid);
    ${then}
  `;

  it.each([
    ["is killed", "process.kill(process.pid, 'SIGKILL');"],
    ["exits", "process.exit(0);"],
    ["is killed while the program is stopped", "await program.stop(); process.kill(process.pid, 'SIGKILL');"],
  ])("and %s leaves nothing behind", async (_, then) => {
    const script = spawn(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "--eval", parent(then)],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const [line] = (await once(script.stdout.setEncoding("utf8"), "data")) as [string];
    await once(script, "exit");
    const pid = Number(line);
    expect(pid).toBeGreaterThan(0);
    await gone(pid);
  });
});
