import { createConnectTransport as createNodeTransport, createGrpcTransport } from "@connectrpc/connect-node";
import {
  createConnectTransport as createWebTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import {
  type ChatListView,
  type ChatsClient,
  ChatStatus,
  type ChatView,
  createChat,
  createChatListView,
  createPalaverClient,
  editMessage,
  followChat,
  reduceChatList,
  Role,
  sendMessage,
  subscribe,
  textPart,
  watchChats,
} from "../../src/client/index.js";
import { loadConfig } from "../../src/config/index.js";
import { silentLogger } from "../../src/platform/index.js";
import { startReplica } from "../../src/replica.js";
import { defineTool } from "../../src/tools/index.js";
import { engines } from "../kit/databases.js";
import {
  gate,
  httpError,
  type ProviderServer,
  reasoning,
  startProviderServer,
  text,
  toolCall,
  webSearch,
} from "../kit/provider-server/index.js";
import { newChat, startTestReplica, type TestReplica } from "../kit/replica.js";
import { openTcpGate, type TcpGate } from "../kit/tcp-gate.js";
import { describePart } from "../kit/watch.js";

const transports = {
  "Connect over HTTP/2": (baseUrl: string) => createNodeTransport({ baseUrl, httpVersion: "2" }),
  "Connect over HTTP/1.1": (baseUrl: string) => createNodeTransport({ baseUrl, httpVersion: "1.1" }),
  gRPC: (baseUrl: string) => createGrpcTransport({ baseUrl }),
  "Connect over fetch": (baseUrl: string) => createWebTransport({ baseUrl }),
  "gRPC-Web over fetch": (baseUrl: string) => createGrpcWebTransport({ baseUrl }),
};

/** A view that is kept up to date, for tests that wait for what it shows. Disposing it leaves. */
class Following implements AsyncDisposable {
  readonly views: ChatView[] = [];
  readonly #leave = new AbortController();
  readonly #looks = new Set<() => void>();
  readonly #reading: Promise<void>;

  constructor(client: ChatsClient, chatId: string) {
    this.#reading = this.#read(client, chatId);
    this.#reading.catch(() => undefined);
  }

  async #read(client: ChatsClient, chatId: string): Promise<void> {
    try {
      for await (const view of followChat(client, { chatId, signal: this.#leave.signal })) {
        this.views.push(view);
        for (const look of [...this.#looks]) look();
      }
    } finally {
      this.#leave.abort();
    }
  }

  /** The first view that fits, from the present one on. */
  async until(fits: (view: ChatView) => boolean): Promise<ChatView> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const view = this.views.at(-1);
        if (view === undefined || !fits(view)) return;
        this.#looks.delete(look);
        resolve(view);
      };
      this.#looks.add(look);
      this.#leave.signal.addEventListener("abort", () => reject(new Error("the subscription is over")));
      look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave.abort();
    await this.#reading.catch(() => undefined);
  }
}

const isIdle = ({ caughtUp, status }: ChatView): boolean =>
  caughtUp && (status === ChatStatus.WAITING || status === ChatStatus.ERROR);
const stepText = ({ step }: ChatView): string => (step?.parts ?? []).map(describePart).join("|");

describe.each(engines)("the client on %s", (engine) => {
  let server: ProviderServer;
  let replica: TestReplica;
  let link: TcpGate;
  let endWait: () => void;
  const waited = new Promise<string>((resolve) => (endWait = () => resolve("waited")));
  /** Runs until the test says so. */
  const wait = defineTool({
    name: "wait",
    description: "Waits",
    input: z.object({}),
    idempotent: true,
    run: () => waited,
  });
  beforeAll(async () => {
    server = await startProviderServer();
    replica = await startTestReplica({ engine, providers: server, tools: [wait] });
    link = await openTcpGate({ host: "127.0.0.1", port: Number(new URL(replica.url).port) });
  });
  afterAll(async () => {
    await link[Symbol.asyncDispose]();
    await replica[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  const linked = (name: keyof typeof transports = "Connect over HTTP/2"): ChatsClient =>
    createPalaverClient({ transport: transports[name](`http://127.0.0.1:${link.port}`) });

  async function committed(chatId: string) {
    return (await replica.client.listMessages({ chatId })).messages;
  }

  it.each(Object.keys(transports) as (keyof typeof transports)[])(
    "sees an answer to its end, exactly, although the connection is lost in its middle: %s",
    async (name) => {
      const script = await server.script([
        reasoning("Hm. ", { chunk: 2 }),
        text("Once upon ", { chunk: 3 }),
        gate("middle"),
        text("a time", { chunk: 2 }),
        gate("later"),
        text(" there was.", { chunk: 2 }),
      ]);
      const client = linked(name);
      const chatId = await newChat(replica.client, `anthropic/${script.model}`, "tell me");
      await using following = new Following(client, chatId);
      await following.until((view) => stepText(view) === "reasoning: Hm. |text: Once upon ");
      link.sever();
      await following.until(({ connection }) => connection.state === "waiting");
      await script.open("middle");
      link.mend();
      await following.until((view) => stepText(view) === "reasoning: Hm. |text: Once upon a time");
      link.sever();
      await following.until(({ connection }) => connection.state === "waiting");
      await script.open("later");
      await replica.watch(chatId).status(ChatStatus.WAITING);
      link.mend();
      const view = await following.until(isIdle);
      expect(view.messages).toEqual(await committed(chatId));
      expect(view.messages.map(({ role }) => role)).toEqual([Role.USER, Role.ASSISTANT]);
      expect(view.step).toBeUndefined();
    },
  );

  it("is told nothing twice after a cut, amid a step or not", async () => {
    const script = await server.script([
      text("Once ", { chunk: 1 }),
      gate("middle"),
      text("more", { chunk: 1 }),
    ]);
    const chatId = await newChat(replica.client, `openai/${script.model}`, "tell me");
    const leave = new AbortController();
    let said = "";
    let cuts = 0;
    const kinds: string[] = [];
    for await (const item of subscribe(linked(), { chatId, signal: leave.signal })) {
      if (item.type === "reset") throw new Error(`begins anew: ${item.reason}`);
      if (item.type === "connection") {
        if (item.connection.state === "waiting" && cuts === 1) await script.open("middle");
        continue;
      }
      for (const { event } of item.events) {
        if (event.case === "messagePart")
          said += event.value.part?.kind.case === "text" ? event.value.part.kind.value.text : "";
        else if (event.case === "status") kinds.push(ChatStatus[event.value.status]);
        else if (event.case === "message") kinds.push(`message ${event.value.message?.id}`);
      }
      const isOver = kinds.at(-1) === "WAITING";
      if ((cuts === 0 && said === "Once ") || (cuts === 1 && isOver)) {
        cuts += 1;
        link.sever();
        link.mend();
      } else if (cuts === 2 && item.events.some(({ event }) => event.case === "caughtUp")) break;
    }
    expect(said).toBe("Once more");
    expect(kinds.filter((kind) => kind.startsWith("message"))).toEqual(["message 1", "message 2"]);
    expect(kinds.filter((kind) => kind === "WAITING")).toHaveLength(1);
  });

  it("shows of every step, before it is committed, just what is committed then", async () => {
    const script = await server.script(
      [
        reasoning("Two things.", { chunk: 3, signature: "c2lnbmVk" }),
        text("Let me look. 🙂", { chunk: 4 }),
        webSearch("palaver", [
          { url: "https://example.com/", title: "Palaver", encryptedContent: "c2VjcmV0" },
        ]),
        text("And here.", { chunk: 2 }),
        toolCall("current_time", {}, { chunk: 1 }),
        toolCall("wait", {}, { chunk: 1 }),
        gate("asked"),
      ],
      [httpError(529, "try later")],
      [text("It is late.", { chunk: 2 }), gate("answered")],
    );
    const chatId = await newChat(replica.client, `anthropic/${script.model}`);
    const client = linked("gRPC");
    await using following = new Following(client, chatId);
    await following.until(isIdle);
    await sendMessage(client, { chatId, parts: [textPart("go")] });
    // Nobody has to be shown a step that is committed when they look. Whoever follows one is shown its rest.
    await following.until((view) => stepText(view).endsWith("|call wait {}"));
    await script.open("asked");
    await following.until((view) => stepText(view).startsWith("result current_time "));
    endWait();
    await following.until((view) => stepText(view) === "text: It is late.");
    await script.open("answered");
    const { messages, retry } = await following.until((view) => isIdle(view) && view.messages.length > 1);
    expect(retry).toBeUndefined();
    expect(messages.map(({ role }) => role)).toEqual([Role.USER, Role.ASSISTANT, Role.TOOL, Role.ASSISTANT]);
    expect(following.views.some((view) => view.retry?.attempt === 1)).toBe(true);
    for (const message of messages.slice(1)) {
      const at = following.views.findIndex((view) => view.messages.includes(message));
      const shown = following.views.slice(0, at).findLast(({ step }) => step !== undefined);
      expect(shown?.step?.role).toBe(message.role);
      expect(shown?.step?.parts.map(describePart)).toEqual(message.parts.map(describePart));
    }
  });

  it("edits: the history begins anew, and what was not touched keeps its identity", async () => {
    const script = await server.script([text("one")], [text("two")], [text("three")]);
    const client = linked();
    const { chat, messages } = await createChat(client, {
      model: `openai/${script.model}`,
      parts: [textPart("first")],
    });
    const chatId = chat?.id ?? "";
    await using following = new Following(client, chatId);
    await following.until((view) => isIdle(view) && view.messages.length === 2);
    const sent = await sendMessage(client, { chatId, parts: [textPart("second")] });
    const before = await following.until((view) => isIdle(view) && view.messages.length === 4);
    expect(messages[0]?.id).toBe(before.messages[0]?.id);
    await editMessage(client, {
      chatId,
      messageId: sent.outcome.value?.id ?? 0n,
      parts: [textPart("instead")],
    });
    const after = await following.until(
      (view) => isIdle(view) && view.messages.length === 4 && view.messages !== before.messages,
    );
    expect(after.messages).toEqual(await committed(chatId));
    expect(after.messages[2]?.parts).not.toEqual(before.messages[2]?.parts);
    expect(after.messages[0]).toBe(before.messages[0]);
    expect(after.messages[1]).toBe(before.messages[1]);
  });

  it("sends a message once, although nobody answers at first", async () => {
    const script = await server.script([text("hello")]);
    const chatId = await newChat(replica.client, `openai/${script.model}`);
    link.sever();
    const sending = sendMessage(linked("Connect over HTTP/1.1"), { chatId, parts: [textPart("hi")] });
    link.mend();
    const { outcome } = await sending;
    expect(outcome.case).toBe("message");
    await replica.watch(chatId).status(ChatStatus.WAITING);
    expect((await committed(chatId)).map(({ role }) => role)).toEqual([Role.USER, Role.ASSISTANT]);
  });

  it("tells that a chat does not exist (any more), and does not try again", async () => {
    const chatId = await newChat(replica.client, "");
    const items = subscribe(linked(), { chatId });
    await replica.client.deleteChat({ chatId });
    const states: string[] = [];
    await expect(async () => {
      for await (const item of items) if (item.type === "connection") states.push(item.connection.state);
    }).rejects.toMatchObject({ rawMessage: expect.any(String), code: 5 });
    expect(states).toEqual(["connecting", "ended"]);
  });

  it("follows the list of chats across a cut", async () => {
    const client = linked();
    const leave = new AbortController();
    let list: ChatListView = createChatListView();
    const chatId = await newChat(replica.client, "");
    const other = await newChat(replica.client, "");
    let cut = false;
    for await (const item of watchChats(client, { signal: leave.signal })) {
      list = reduceChatList(list, item);
      if (list.caughtUp && !cut) {
        cut = true;
        expect(list.chats.map(({ id }) => id)).toEqual(expect.arrayContaining([chatId, other]));
        link.sever();
        await replica.client.updateChat({
          chat: { id: chatId, pinned: true },
          updateMask: { paths: ["pinned"] },
        });
        await replica.client.deleteChat({ chatId: other });
        link.mend();
      } else if (list.caughtUp) {
        const seen = list.chats.find(({ id }) => id === chatId);
        if (seen?.pinned === true && !list.chats.some(({ id }) => id === other)) break;
      }
    }
    const { chats } = await replica.client.listChats({ pageSize: 200 });
    expect(list.chats).toEqual(chats);
  });
});

it("goes on where it was when the server is stopped and started again", async () => {
  await using server = await startProviderServer();
  await using first = await startTestReplica({ providers: server });
  const script = await server.script([text("before")], [text("after")]);
  const chatId = await newChat(first.client, `openai/${script.model}`, "one");
  const client = createPalaverClient({
    transport: createNodeTransport({ baseUrl: first.url, httpVersion: "2" }),
  });
  await using following = new Following(client, chatId);
  const before = await following.until((view) => isIdle(view) && view.messages.length === 2);
  await first.stop();
  await following.until(({ connection }) => connection.state === "waiting");
  const env = { ...first.env, PALAVER_LISTEN: new URL(first.url).host };
  const second = await startReplica(loadConfig(env), { logger: silentLogger });
  try {
    await sendMessage(client, { chatId, parts: [textPart("two")] });
    const after = await following.until((view) => isIdle(view) && view.messages.length === 4);
    expect(after.messages.slice(0, 2)).toEqual(before.messages);
  } finally {
    await second.stop({ graceMs: 1_000 });
  }
});
