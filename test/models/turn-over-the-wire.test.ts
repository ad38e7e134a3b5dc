import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HistoryMessage } from "../../src/models/index.js";
import {
  finish,
  type ProviderServer,
  type RecordedRequest,
  reasoning,
  startProviderServer,
  text,
  toolCall,
} from "../kit/provider-server/index.js";
import { joined, modelOf, type Provider, partsOf, providers, run, user, weatherTools } from "./dialect.js";

let server: ProviderServer;
beforeAll(async () => {
  server = await startProviderServer();
});
afterAll(() => server[Symbol.asyncDispose]());

/** What OpenAI's Chat Completions cannot say. */
const showsReasoning: Record<Provider, boolean> = {
  openai: true,
  "openai-chat": false,
  anthropic: true,
  google: true,
  "openai-compatible": true,
};

describe.each(providers)("a turn with %s", (provider) => {
  it("streams reasoning, text and two parallel calls as scripted, and sends their results back in the provider's form", async () => {
    const script = await server.script(
      [
        reasoning("Two cities, two calls. 🌦", { chunk: 5, signature: "sig+/=" }),
        text("Let me look — 今日は.", { chunk: 3 }),
        toolCall("weather", { city: "Zürich" }, { id: "call_a", chunk: 4 }),
        toolCall("weather", { city: "北京" }, { id: "call_b", chunk: 4 }),
        finish("tool-calls", { input: 100, output: 40, reasoning: 10, cacheRead: 60 }),
      ],
      [text("Both are fine."), finish("stop", { input: 160, output: 5 })],
    );
    const model = modelOf(server, provider, script.model);
    const question: readonly HistoryMessage[] = [
      { role: "system", parts: [{ type: "text", text: "Be brief." }] },
      user("What's the weather?"),
    ];

    const first = await run(model, question, { tools: weatherTools });
    expect(first.error).toBeUndefined();
    expect(joined(first.events, "reasoning")).toBe(
      showsReasoning[provider] ? "Two cities, two calls. 🌦" : "",
    );
    expect(joined(first.events, "text")).toBe("Let me look — 今日は.");
    const calls = first.events.filter((event) => event.type === "tool-call");
    expect(calls).toMatchObject([
      { toolCallId: "call_a", toolName: "weather", providerExecuted: false },
      { toolCallId: "call_b", toolName: "weather", providerExecuted: false },
    ]);
    expect(calls.map(({ argsJson }) => JSON.parse(argsJson ?? "") as unknown)).toEqual([
      { city: "Zürich" },
      { city: "北京" },
    ]);
    for (const { toolCallId, argsJson } of calls) {
      const streamed = first.events
        .map((event) => (event.type === "tool-input" && event.toolCallId === toolCallId ? event.delta : ""))
        .join("");
      expect(streamed).toBe(argsJson);
    }
    expect(first.events.at(-1)).toMatchObject({
      type: "finish",
      reason: "tool-calls",
      usage: {
        input_tokens: 100,
        output_tokens: 40,
        total_tokens: 140,
        reasoning_tokens: 10,
        cache_read_tokens: 60,
      },
    });

    const history: readonly HistoryMessage[] = [
      ...question,
      { role: "assistant", parts: partsOf(first.events), model: model.id },
      {
        role: "tool",
        parts: [
          {
            type: "tool-result",
            tool_call_id: "call_a",
            tool_name: "weather",
            result_json: '{"sky":"clear"}',
          },
          {
            type: "tool-result",
            tool_call_id: "call_b",
            tool_name: "weather",
            result_json: '{"error":"no data"}',
            is_error: true,
          },
        ],
      },
    ];
    const second = await run(model, history, { tools: weatherTools });
    expect(second.error).toBeUndefined();
    expect(joined(second.events, "text")).toBe("Both are fine.");
    expect(second.events.at(-1)).toMatchObject({
      type: "finish",
      reason: "stop",
      usage: { input_tokens: 160, output_tokens: 5, total_tokens: 165 },
    });

    const [asked, answered] = (await script.requests()) as [RecordedRequest, RecordedRequest];
    expect(asked.end).toBe("completed");
    expect(await script.ended(1)).toBe("completed");
    expect(asked.body).not.toHaveProperty("previous_response_id");
    expectPrompt[provider](answered.body);
  });

  it("sends every digit of arguments and results (PART-3)", async () => {
    const script = await server.script([text("ok")]);
    const model = modelOf(server, provider, script.model);
    const json = '{"id":-12345678901234567890,"price":1.10}';
    const named = { tool_call_id: "call_a", tool_name: "weather" };
    const history: readonly HistoryMessage[] = [
      user("hi"),
      { role: "assistant", model: model.id, parts: [{ type: "tool-call", ...named, args_json: json }] },
      { role: "tool", parts: [{ type: "tool-result", ...named, result_json: json }] },
    ];
    expect((await run(model, history)).error).toBeUndefined();
    const [request] = await script.requests();
    // Some formats quote JSON in JSON.
    expect(request?.rawBody.replaceAll("\\", "").split(json)).toHaveLength(3);
    expect(() => JSON.parse(request?.rawBody ?? "") as unknown).not.toThrow();
  });
});

/** The follow-up prompt as each provider documents it. */
const expectPrompt: Record<Provider, (body: unknown) => void> = {
  openai(body) {
    expect(body).toMatchObject({
      store: false,
      stream: true,
      include: ["reasoning.encrypted_content"],
      tools: [{ name: "clock" }, { name: "weather" }],
      input: [
        { role: "developer", content: "Be brief." },
        { role: "user", content: [{ type: "input_text", text: "What's the weather?" }] },
        {
          type: "reasoning",
          encrypted_content: "sig+/=",
          summary: [{ type: "summary_text", text: "Two cities, two calls. 🌦" }],
        },
        { role: "assistant", content: [{ type: "output_text", text: "Let me look — 今日は." }] },
        { type: "function_call", call_id: "call_a", name: "weather", arguments: '{"city":"Zürich"}' },
        { type: "function_call", call_id: "call_b", name: "weather", arguments: '{"city":"北京"}' },
        { type: "function_call_output", call_id: "call_a", output: '{"sky":"clear"}' },
        { type: "function_call_output", call_id: "call_b", output: '{"error":"no data"}' },
      ],
    });
  },
  "openai-chat": (body) => {
    expect(body).toMatchObject({ stream_options: { include_usage: true } });
    expectChatMessages(body, "developer");
  },
  anthropic(body) {
    expect(body).toMatchObject({
      max_tokens: 4096,
      system: [{ type: "text", text: "Be brief." }],
      messages: [
        { role: "user", content: [{ type: "text", text: "What's the weather?" }] },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "Two cities, two calls. 🌦", signature: "sig+/=" },
            { type: "text", text: "Let me look — 今日は." },
            { type: "tool_use", id: "call_a", name: "weather", input: { city: "Zürich" } },
            { type: "tool_use", id: "call_b", name: "weather", input: { city: "北京" } },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "call_a", content: '{"sky":"clear"}' },
            { type: "tool_result", tool_use_id: "call_b", content: '{"error":"no data"}', is_error: true },
          ],
        },
      ],
    });
  },
  google(body) {
    expect(body).toMatchObject({
      systemInstruction: { parts: [{ text: "Be brief." }] },
      contents: [
        { role: "user", parts: [{ text: "What's the weather?" }] },
        {
          role: "model",
          parts: [
            { text: "Two cities, two calls. 🌦", thought: true },
            { text: "Let me look — 今日は.", thoughtSignature: "sig+/=" },
            { functionCall: { name: "weather", args: { city: "Zürich" } } },
            { functionCall: { name: "weather", args: { city: "北京" } } },
          ],
        },
        {
          role: "user",
          parts: [
            {
              functionResponse: { name: "weather", response: { name: "weather", content: { sky: "clear" } } },
            },
            {
              functionResponse: {
                name: "weather",
                response: { name: "weather", content: { error: "no data" } },
              },
            },
          ],
        },
      ],
    });
  },
  "openai-compatible": (body) => {
    expect(body).toMatchObject({ stream_options: { include_usage: true } });
    expectChatMessages(body, "system", { reasoning_content: "Two cities, two calls. 🌦" });
  },
};

function expectChatMessages(body: unknown, systemRole: string, assistantFields: object = {}): void {
  expect(body).toMatchObject({
    messages: [
      { role: systemRole, content: "Be brief." },
      { role: "user" },
      {
        role: "assistant",
        content: "Let me look — 今日は.",
        ...assistantFields,
        tool_calls: [
          { id: "call_a", type: "function", function: { name: "weather", arguments: '{"city":"Zürich"}' } },
          { id: "call_b", type: "function", function: { name: "weather", arguments: '{"city":"北京"}' } },
        ],
      },
      { role: "tool", tool_call_id: "call_a", content: '{"sky":"clear"}' },
      { role: "tool", tool_call_id: "call_b", content: '{"error":"no data"}' },
    ],
  });
}
