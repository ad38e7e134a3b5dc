import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { until } from "../kit/until.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** A process has to start and to compile its example; a busy machine takes its time for that. */
const deadlineMs = 30_000;
vi.setConfig({ testTimeout: 3 * deadlineMs });

let replica: TestReplica;
let folder: string;
beforeAll(async () => {
  replica = await startTestReplica();
  folder = await mkdtemp(join(tmpdir(), "palaver-examples-"));
});
afterAll(async () => {
  await replica[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** An example in a process of its own, as a reader would run it. */
class Example implements AsyncDisposable {
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown[]>;

  constructor(name: string, ...args: string[]) {
    const { PATH = "" } = process.env;
    this.#child = spawn(process.execPath, ["--import", "tsx", `examples/${name}.ts`, ...args], {
      cwd: root,
      env: { PATH, PALAVER_URL: replica.url },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const name of ["stdout", "stderr"] as const)
      this.#child[name]?.setEncoding("utf8").on("data", (text: string) => (this[name] += text));
    this.#closed = once(this.#child, "close");
  }

  /** Resolves when it has ended by itself. */
  async end(): Promise<unknown> {
    const [code] = await this.#closed;
    return code;
  }

  /** Ctrl-C. */
  async interrupt(): Promise<unknown> {
    this.#child.kill("SIGINT");
    return this.end();
  }

  async printed(text: string): Promise<void> {
    await until(() => this.stdout.includes(text), { what: `${text} to be printed`, deadlineMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }
}

it("chat.ts prints the answer as it is committed", async () => {
  await using example = new Example("chat", "what time is it?");
  expect(await example.end()).toBe(0);
  expect(example.stdout).toMatch(/^Let me look at the clock\./);
  expect(example.stdout).not.toContain("starts over");
  const { chats } = await replica.client.listChats({});
  const { messages } = await replica.client.listMessages({ chatId: chats[0]?.id ?? "" });
  const said = messages
    .slice(1)
    .flatMap(({ parts }) => parts.map(({ kind }) => (kind.case === "text" ? kind.value.text : "")));
  expect(example.stdout).toBe(`${said.join("")}\n`);
});

it("tail.ts prints events, and goes on in its next run where it was", async () => {
  const chatId = await newChat(replica.client, "");
  const cursorFile = join(folder, "cursor.txt");
  {
    await using example = new Example("tail", chatId, cursorFile);
    await example.printed("caughtUp");
    await replica.client.sendMessage({ chatId, parts: says("hello") });
    await until(() => /messagePart[^]*message\n/.test(example.stdout), { what: "the answer", deadlineMs });
    expect(await example.interrupt()).toBe(0);
  }
  await replica.watch(chatId).event("caughtUp");
  expect(await readFile(cursorFile, "utf8")).not.toBe("");
  await using again = new Example("tail", chatId, cursorFile);
  await again.printed("caughtUp");
  expect(again.stdout).not.toMatch(/^message/m);
});

it("chat-list.ts prints the list whenever it changes", async () => {
  await using example = new Example("chat-list");
  await example.printed(" chats\n");
  const { chat } = await replica.client.createChat({ title: "A new one" });
  await example.printed("  A new one (WAITING)");
  await replica.client.deleteChat({ chatId: chat?.id ?? "" });
  const before = example.stdout.length;
  await until(() => /\d+ chats\n/.test(example.stdout.slice(before)), {
    what: "the list without it",
    deadlineMs,
  });
  expect(await example.interrupt()).toBe(0);
});
