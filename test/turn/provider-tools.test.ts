import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { engines } from "../kit/databases.js";
import {
  gate,
  type ProviderServer,
  type ProviderStep,
  reasoning,
  type RecordedRequest,
  startProviderServer,
  text,
  webSearch,
} from "../kit/provider-server/index.js";
import { newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { describePart, joinDeltas } from "../kit/watch.js";

// What base64 may hold, and what JSON has to escape: none of it may change on the way through the database.
const signature = 'EqQBCkYIBxgC+/==\\"é\u2028';
const encryptedContent = 'EpYECioI+/8A==\\"漢';
const found = [{ url: "https://example.com/a", title: "A", encryptedContent }];

const ask = async (replica: TestReplica, chatId: string, question: string): Promise<void> => {
  const watch = replica.watch(chatId);
  await watch.event("caughtUp");
  const mark = watch.mark;
  await replica.client.sendMessage({ chatId, parts: says(question) });
  await watch.status(ChatStatus.WAITING, mark);
};

/** What goes back of a search, and of signed reasoning before it, in each provider's words. */
const replayed: Readonly<Record<"anthropic" | "openai" | "google", object>> = {
  anthropic: {
    messages: [
      { role: "user" },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Let me search.", signature },
          { type: "redacted_thinking", data: signature },
          { type: "thinking", thinking: "", signature },
          { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "what" } },
          {
            type: "web_search_tool_result",
            tool_use_id: "srvtoolu_1",
            content: [
              {
                type: "web_search_result",
                url: "https://example.com/a",
                title: "A",
                page_age: null,
                encrypted_content: encryptedContent,
              },
            ],
          },
          { type: "text", text: "Found it." },
        ],
      },
      { role: "user" },
    ],
  },
  openai: {
    store: false,
    input: [
      { role: "user" },
      {
        type: "reasoning",
        encrypted_content: signature,
        summary: [{ type: "summary_text", text: "Let me search." }],
      },
      {
        type: "web_search_call",
        id: "srvtoolu_1",
        status: "completed",
        action: {
          type: "search",
          query: "what",
          sources: [{ type: "url", url: "https://example.com/a" }],
        },
      },
      { type: "reasoning", encrypted_content: signature, summary: [] },
      { role: "assistant", content: [{ type: "output_text", text: "Found it." }] },
      { role: "user" },
    ],
  },
  google: {
    contents: [
      { role: "user" },
      {
        role: "model",
        parts: [
          { text: "Let me search.", thought: true },
          {
            toolCall: { toolType: "GOOGLE_SEARCH_WEB", id: "srvtoolu_1", args: { query: "what" } },
            thoughtSignature: encryptedContent,
          },
          {
            toolResponse: {
              toolType: "GOOGLE_SEARCH_WEB",
              id: "srvtoolu_1",
              response: { results: [{ url: "https://example.com/a", title: "A" }] },
            },
            thoughtSignature: encryptedContent,
          },
          { text: "Found it.", thoughtSignature: signature },
        ],
      },
      { role: "user" },
    ],
  },
};

const steps: Readonly<Record<keyof typeof replayed, readonly ProviderStep[]>> = {
  anthropic: [
    reasoning("Let me search.", { chunk: 4, signature }),
    reasoning("", { redacted: signature }),
    reasoning("", { signature }),
    webSearch("what", found, { id: "srvtoolu_1" }),
    text("Found it.", { chunk: 3 }),
  ],
  openai: [
    reasoning("Let me search.", { chunk: 4, signature }),
    webSearch("what", found, { id: "srvtoolu_1" }),
    reasoning("", { signature }),
    text("Found it.", { chunk: 3 }),
  ],
  google: [
    reasoning("Let me search.", { chunk: 4 }),
    webSearch("what", found, { id: "srvtoolu_1" }),
    reasoning("", { signature }),
    text("Found it."),
  ],
};

describe.each(engines)("what a provider ran itself, on %s,", (engine) => {
  let server: ProviderServer;
  let replica: TestReplica;
  beforeAll(async () => {
    server = await startProviderServer();
    replica = await startTestReplica({ engine, providers: server });
  });
  afterAll(async () => {
    await replica[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it.each(["anthropic", "openai", "google"] as const)(
    "through %s stands in the assistant's message, result after call, and goes back as it came (PART-4, PART-6)",
    async (provider) => {
      const script = await server.script([...steps[provider], gate("said")], [text("And more.")]);
      const chatId = await newChat(replica.client, `${provider}/${script.model}`);
      const watch = replica.watch(chatId);
      await watch.event("caughtUp");
      const answered = ask(replica, chatId, "search");
      // Nobody has to be shown deltas whom they reach after the commit.
      await watch.until("all of the answer", () => watch.running().includes("text: Found it.") || undefined);
      await script.open("said");
      await answered;
      await ask(replica, chatId, "more");

      const { messages } = await replica.client.listMessages({ chatId });
      expect(messages.map(({ role }) => role)).toEqual([
        Role.USER,
        Role.ASSISTANT,
        Role.USER,
        Role.ASSISTANT,
      ]);
      const shown = (messages[1]?.parts ?? []).map(describePart);
      const call = shown.findIndex((part) => part.startsWith("call "));
      expect(shown[call + 1]).toMatch(/^result /);
      // Live as after reload, with the assistant's role, in the same order.
      const deltas = watch
        .all("messagePart")
        .filter(
          ({ episode }) => episode?.historyVersion === watch.all("messagePart")[0]?.episode?.historyVersion,
        );
      expect(new Set(deltas.map(({ role }) => role))).toEqual(new Set([Role.ASSISTANT]));
      expect(joinDeltas(deltas).filter((part) => part !== "source")).toEqual(
        shown.filter((part) => part !== "source" && part !== "reasoning: "),
      );

      const [, second] = (await script.requests()) as [RecordedRequest, RecordedRequest];
      expect(second.body).toMatchObject(replayed[provider]);
    },
  );

  it("before an interrupt goes back, the thought that was cut off does not", async () => {
    const script = await server.script(
      [
        text("I search."),
        webSearch("one", found, { id: "srvtoolu_1" }),
        reasoning("Hm", { signature }),
        gate("here"),
      ],
      [text("Fine.")],
    );
    const chatId = await newChat(replica.client, `anthropic/${script.model}`, "search");
    const watch = replica.watch(chatId);
    await script.reached("here");
    await watch.event("messagePart", ({ part }) => part?.kind.case === "reasoning");
    await replica.client.interruptChat({ chatId });
    await watch.status(ChatStatus.WAITING);
    await ask(replica, chatId, "go on");
    const [, second] = (await script.requests()) as [RecordedRequest, RecordedRequest];
    expect(second.body).toMatchObject({
      messages: [
        { role: "user" },
        {
          role: "assistant",
          content: [
            { type: "text", text: "I search." },
            { type: "server_tool_use" },
            { type: "web_search_tool_result" },
          ],
        },
        { role: "user", content: [{ type: "text", text: "go on" }] },
      ],
    });
  });

  it("is left out, metadata and all, when another provider goes on", async () => {
    const script = await server.script(steps.anthropic, [text("More.")], [text("Back.")]);
    const chatId = await newChat(replica.client, `anthropic/${script.model}`);
    await ask(replica, chatId, "search");
    await replica.client.updateChat({
      chat: { id: chatId, model: `openai/${script.model}` },
      updateMask: { paths: ["model"] },
    });
    await ask(replica, chatId, "more");
    await replica.client.updateChat({
      chat: { id: chatId, model: `anthropic/${script.model}` },
      updateMask: { paths: ["model"] },
    });
    await ask(replica, chatId, "back");
    const [, foreign, back] = (await script.requests()) as [
      RecordedRequest,
      RecordedRequest,
      RecordedRequest,
    ];
    expect(foreign.body).toMatchObject({
      input: [
        { role: "user" },
        { role: "assistant", content: [{ type: "output_text", text: "Found it." }] },
        { role: "user" },
      ],
    });
    for (const secret of ["EqQBCkYIBxgC", "EpYECioI", "srvtoolu_1"]) {
      expect(foreign.rawBody).not.toContain(secret);
      expect(back.rawBody).toContain(secret);
    }
  });
});
