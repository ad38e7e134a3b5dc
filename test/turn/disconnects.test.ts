import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ChatStatus,
  type ChatView,
  type ClientClock,
  createChatView,
  createPalaverClient,
  reduceChat,
  subscribe,
} from "../../src/client/index.js";
import { systemClock, systemRandom } from "../../src/platform/index.js";
import { engines } from "../kit/databases.js";
import { newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { openTcpGate, type TcpGate } from "../kit/tcp-gate.js";

const gateCount = 10;
const chatsPerGate = 5;
const cutsPerGate = 20;
const answer = Array.from({ length: 160 }, (_, index) => `word${index} `).join("");

/** Waits a tenth of what it is asked for: reconnecting is what is tested, not its pace. */
const hurried: ClientClock = {
  monotonicMs: () => systemClock.monotonicMs(),
  sleep: (ms, options) => systemClock.sleep(ms / 10, options),
};

/** A gate that cuts all connections through it after random numbers of responses. */
class CuttingGate {
  cuts = 0;
  readonly #gate: TcpGate;
  #left: number;

  constructor(gate: TcpGate) {
    this.#gate = gate;
    this.#left = this.#next();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#gate.port}`;
  }

  response(): void {
    this.#left -= 1;
    if (this.#left <= 0) this.cut();
  }

  cut(): void {
    if (this.cuts === cutsPerGate) return;
    this.cuts += 1;
    this.#left = this.#next();
    this.#gate.sever();
    this.#gate.mend();
  }

  #next(): number {
    return 1 + Math.floor(systemRandom.fraction() * 12 * chatsPerGate);
  }
}

describe.each(engines)("on %s", (engine) => {
  let folder: string;
  let replica: TestReplica;
  const gates: TcpGate[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "palaver-scripts-"));
    const scripts = path.join(folder, "scripts.json");
    const say = { text: answer, chunk: 8, delay_ms: 15 };
    await writeFile(
      scripts,
      JSON.stringify({
        name: "slow",
        turns: [{ steps: [{ reasoning: "let me think", chunk: 3, delay_ms: 5 }, say] }],
      }),
    );
    replica = await startTestReplica({ engine, env: { PALAVER_SCRIPTS: scripts } });
    const { hostname, port } = new URL(replica.url);
    for (let count = 0; count < gateCount; count += 1)
      gates.push(await openTcpGate({ host: hostname, port: Number(port) }));
  });
  afterAll(async () => {
    for (const gate of gates) await gate[Symbol.asyncDispose]();
    await replica[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it("1,000 random disconnects during 50 concurrent turns lose nothing and repeat nothing", async () => {
    const cutters = gates.map((gate) => new CuttingGate(gate));
    const watchers = await Promise.all(
      cutters.flatMap((cutter) => Array.from({ length: chatsPerGate }, () => watch(cutter))),
    );
    const disconnects = cutters.reduce((sum, { cuts }) => sum + cuts * chatsPerGate, 0);
    expect(disconnects).toBe(gateCount * chatsPerGate * cutsPerGate);
    let reconnects = 0;
    for (const { chatId, view, resets, connects } of watchers) {
      reconnects += connects - 1;
      // Every response had a cursor from which exactly the rest came.
      expect(resets).toEqual([]);
      const { messages } = await replica.client.listMessages({ chatId, pageSize: 1_000 });
      expect(view.messages).toEqual(messages);
      expect(view.queue).toEqual([]);
      expect(messages).toHaveLength(4);
      expect(messages.at(-1)?.parts.at(-1)?.kind.value).toMatchObject({ text: answer });
    }
    // A cut may hit a watcher that is just coming back.
    expect(reconnects).toBeGreaterThan(disconnects / 2);
  }, 120_000);

  /** Follows a chat through two turns, the second of which waits in the queue. */
  async function watch(
    cutter: CuttingGate,
  ): Promise<{ chatId: string; view: ChatView; resets: string[]; connects: number }> {
    const chatId = await newChat(replica.client, "scripted/slow", "first");
    await replica.client.sendMessage({ chatId, parts: says("second") });
    const client = createPalaverClient({ transport: createGrpcTransport({ baseUrl: cutter.url }) });
    const leave = new AbortController();
    const resets: string[] = [];
    let connects = 0;
    let view = createChatView();
    for await (const item of subscribe(client, { chatId, clock: hurried, signal: leave.signal })) {
      view = reduceChat(view, item);
      if (item.type === "connection") {
        if (item.connection.state === "connecting") connects += 1;
        continue;
      }
      if (item.type === "reset") resets.push(item.reason);
      for (const { event } of item.events)
        if (event.case === "previewReset" || event.case === "historyReset") resets.push(event.case);
      // Whatever is shown is a beginning of what is committed in the end.
      const shown = view.step?.parts.at(-1)?.kind;
      if (shown?.case === "text" && !answer.startsWith(shown.value.text))
        throw new Error(`it shows ${shown.value.text}`);
      cutter.response();
      if (!view.caughtUp || view.status !== ChatStatus.WAITING) continue;
      if (cutter.cuts === cutsPerGate) break;
      // What is left of the cuts hits it while it is idle.
      cutter.cut();
    }
    leave.abort();
    return { chatId, view, resets, connects };
  }
});
