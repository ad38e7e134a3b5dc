import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { type Engine, engines } from "../kit/databases.js";
import { startServerProcess } from "../kit/palaver-process.js";
import { copyPgliteTemplate } from "../kit/pglite-template.js";
import { createTestDatabase } from "../kit/postgres.js";
import {
  gate,
  type ProviderServer,
  startProviderServer,
  text,
  toolCall,
} from "../kit/provider-server/index.js";
import { newChat, providerEnv, says } from "../kit/replica.js";
import { textOf, Watch } from "../kit/watch.js";

let server: ProviderServer;
beforeAll(async () => {
  server = await startProviderServer();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Where a server keeps its data across restarts. */
async function openData(engine: Engine): Promise<{ env: Record<string, string> } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "palaver-test-"));
  // A short lease, so that the chats of a killed server are free soon.
  const env = {
    HOME: folder,
    PALAVER_LEASE: "3s",
    PALAVER_HEARTBEAT: "500ms",
    PALAVER_POLL: "1s",
    PALAVER_DRAIN_GRACE: "100ms",
    ...providerEnv(server),
  };
  if (engine === "pglite") {
    await copyPgliteTemplate(join(folder, "database", "pgdata"));
    return {
      env: { ...env, PALAVER_DATA_DIR: folder },
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
    };
  }
  const { url, drop } = await createTestDatabase();
  return {
    env: { ...env, DATABASE_URL: url },
    [Symbol.asyncDispose]: async () => {
      await drop();
      await rm(folder, { recursive: true });
    },
  };
}

describe.each(engines)("a server on %s", { timeout: 90_000 }, (engine) => {
  it("killed in mid-turn, and started again, finishes the turn and has lost nothing that was acknowledged", async () => {
    await using data = await openData(engine);
    const script = await server.script(
      [text("half an ans"), gate("never")],
      [text("the whole answer")],
      [text("to the second")],
    );
    await using first = await startServerProcess(data.env);
    const chatId = await newChat(first.client, `anthropic/${script.model}`, "one");
    await using before = new Watch(first.client, { chatId });
    await before.event("messagePart");
    const { outcome } = await first.client.sendMessage({ chatId, parts: says("two") });
    expect(outcome.case).toBe("queuedMessage");
    await first.kill("SIGKILL");
    expect(await before.end()).not.toBeNull();

    await using second = await startServerProcess(data.env);
    await using after = new Watch(second.client, { chatId });
    await after.status(ChatStatus.WAITING);
    expect(after.messages().map(textOf)).toEqual(["one", "the whole answer", "two", "to the second"]);
    expect(await script.ended(0)).toBe("aborted by client");
  });

  it("stopped with SIGTERM in mid-turn hands the turn over, and says so to its watchers (STREAM-15, INT-8)", async () => {
    await using data = await openData(engine);
    const script = await server.script([text("half an ans"), gate("never")], [text("the whole answer")]);
    await using first = await startServerProcess(data.env);
    const chatId = await newChat(first.client, `anthropic/${script.model}`, "one");
    await using before = new Watch(first.client, { chatId });
    await before.event("messagePart");
    expect(await first.kill("SIGTERM")).toBe(0);
    expect(await before.end()).toMatchObject({ code: Code.Unavailable });
    expect(await script.ended(0)).toBe("aborted by client");

    await using second = await startServerProcess(data.env);
    await using after = new Watch(second.client, { chatId });
    await after.status(ChatStatus.WAITING);
    expect(after.messages().map((message) => [textOf(message), message.interrupted])).toEqual([
      ["one", false],
      ["the whole answer", false],
    ]);
  });

  it("killed after its tools ran, does not run them again but goes on from their results (RETRY-6)", async () => {
    await using data = await openData(engine);
    const script = await server.script(
      [toolCall("current_time", {}), gate("called")],
      [gate("never")],
      [text("it is late")],
    );
    await script.open("called");
    await using first = await startServerProcess(data.env);
    const chatId = await newChat(first.client, `openai-chat/${script.model}`, "what time is it?");
    await script.reached("never");
    await first.kill("SIGKILL");
    await using second = await startServerProcess(data.env);
    await using after = new Watch(second.client, { chatId });
    await after.status(ChatStatus.WAITING);
    expect(textOf(after.messages().at(-1))).toBe("it is late");
    expect(after.messages()).toHaveLength(4);
  });

  it("started again keeps its chats, and does not run idle ones (OWN-6)", async () => {
    await using data = await openData(engine);
    const script = await server.script([text("done")]);
    await using first = await startServerProcess(data.env);
    const chatId = await newChat(first.client, `anthropic/${script.model}`, "one");
    await using before = new Watch(first.client, { chatId });
    await before.status(ChatStatus.WAITING);
    const { chat } = await first.client.getChat({ chatId });
    const { messages } = await first.client.listMessages({ chatId });
    expect(await first.kill("SIGTERM")).toBe(0);

    await using second = await startServerProcess(data.env);
    expect((await second.client.getChat({ chatId })).chat).toEqual(chat);
    expect((await second.client.listMessages({ chatId })).messages).toEqual(messages);
    expect(await script.requests()).toHaveLength(1);
  });
});
