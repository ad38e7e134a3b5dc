import { createServer } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createModelRegistry } from "../../src/models/index.js";
import { systemClock } from "../../src/platform/index.js";
import {
  eof,
  finish,
  httpError,
  malformed,
  type ProviderServer,
  reasoning,
  reset,
  startProviderServer,
  streamError,
  text,
  toolCall,
  webSearch,
} from "../kit/provider-server/index.js";
import { joined, modelErrorOf, modelOf, type Provider, partsOf, providers, run, user } from "./dialect.js";

let server: ProviderServer;
beforeAll(async () => {
  server = await startProviderServer();
});
afterAll(() => server[Symbol.asyncDispose]());

/** What each provider calls an error that it has inside a stream. */
const overloadedCode: Record<Provider, string> = {
  openai: "overloaded_error",
  "openai-chat": "overloaded_error",
  anthropic: "overloaded_error",
  google: "UNAVAILABLE",
  "openai-compatible": "overloaded_error",
};

describe.each(providers)("a failure of %s", (provider) => {
  it("before the stream is classified by its status, with the provider's words and its Retry-After", async () => {
    const script = await server.script([
      httpError(429, "Slow down, key sk-test-openai.", { headers: { "retry-after": "7" } }),
    ]);
    const error = modelErrorOf(await run(modelOf(server, provider, script.model), [user("hi")]));
    expect(error).toMatchObject({
      kind: "rate_limit",
      retryable: true,
      provider,
      statusCode: 429,
      retryAfterMs: 7000,
    });
    expect(error.detail).toBe("Slow down, key [redacted].");
    expect(error.message).not.toMatch(/429|127\.0\.0\.1|sk-/);
    // One request: nothing below us retries.
    expect(await script.requests()).toHaveLength(1);
  });

  it.each([
    [401, "bad key", "auth", false],
    [404, "no such thing", "config", false],
    [500, "oops", "generic", true],
    [503, "later", "timeout", true],
    [400, "odd request", "generic", false],
    [
      429,
      "You exceeded your current quota, please check your plan and billing details.",
      "usage_limit",
      false,
    ],
  ] as const)("with status %i and the words %j is %s", async (status, words, kind, retryable) => {
    const script = await server.script([httpError(status, words)]);
    const error = modelErrorOf(await run(modelOf(server, provider, script.model), [user("hi")]));
    expect(error).toMatchObject({ kind, retryable, detail: words });
  });

  it("that is a page of a proxy in HTML shows none of it", async () => {
    const body = "<html><body>502 Bad Gateway at 10.1.2.3</body></html>";
    const script = await server.script([
      httpError(502, "", { body, headers: { "content-type": "text/html" } }),
    ]);
    const error = modelErrorOf(await run(modelOf(server, provider, script.model), [user("hi")]));
    expect(error).toMatchObject({ kind: "timeout", retryable: true, detail: undefined });
  });

  it.each([
    ["at the very beginning", []],
    ["after text", [text("So far")]],
  ])(
    "inside the stream, %s, is classified by the provider's code, after what was said",
    async (_when, before) => {
      const script = await server.script([
        ...before,
        streamError(overloadedCode[provider], "The model is overloaded"),
      ]);
      const result = await run(modelOf(server, provider, script.model), [user("hi")]);
      expect(joined(result.events, "text")).toBe(before.length === 0 ? "" : "So far");
      expect(modelErrorOf(result)).toMatchObject({
        kind: "overloaded",
        retryable: true,
        detail: "The model is overloaded",
      });
    },
  );

  it.each([
    ["after text", [text("Half an ans")]],
    ["after a tool call", [toolCall("weather", '{"city":"Zür', {})]],
    ["with nothing said", []],
  ])("that ends the stream cleanly %s, before its terminal event, is a timeout", async (_when, steps) => {
    // Google sends whole calls only: broken arguments cannot come over its wire.
    if (provider === "google" && steps.some(({ kind }) => kind === "toolCall")) return;
    const script = await server.script([...steps, eof()]);
    const result = await run(modelOf(server, provider, script.model), [user("hi")]);
    expect(modelErrorOf(result)).toMatchObject({ kind: "timeout", retryable: true });
    expect(result.events.some(({ type }) => type === "finish")).toBe(false);
  });

  it("that resets the connection is a timeout", async () => {
    const script = await server.script([text("Half"), reset()]);
    const error = modelErrorOf(await run(modelOf(server, provider, script.model), [user("hi")]));
    expect(error).toMatchObject({ kind: "timeout", retryable: true, detail: undefined });
    expect(await script.ended(0)).toBe("reset by script");
  });

  it("that breaks the protocol is generic, and shows nothing of what was sent", async () => {
    const script = await server.script([
      text("Half"),
      malformed('data: {"overloaded": "quota 429\n\n'),
      finish("stop"),
    ]);
    const error = modelErrorOf(await run(modelOf(server, provider, script.model), [user("hi")]));
    expect(error).toMatchObject({ kind: "generic", retryable: false, detail: undefined });
  });

  it("whose content filter strikes is not retried", async () => {
    const script = await server.script([text("Half"), finish("content-filter")]);
    const error = modelErrorOf(await run(modelOf(server, provider, script.model), [user("hi")]));
    expect(error).toMatchObject({ kind: "content_filter", retryable: false });
  });

  it("by length is no failure", async () => {
    const script = await server.script([text("Half"), finish("length")]);
    const { events, error } = await run(modelOf(server, provider, script.model), [user("hi")]);
    expect(error).toBeUndefined();
    expect(events.at(-1)).toMatchObject({ type: "finish", reason: "length" });
  });

  it("to listen at all is a timeout, and names no host", async () => {
    const port = await closedPort();
    const access = { apiKey: "k".repeat(20), baseUrl: `http://127.0.0.1:${String(port)}/v1` };
    const registry = createModelRegistry(
      { defaultModelId: "", openai: access, anthropic: access, google: access, openaiCompatible: access },
      { clock: systemClock },
    );
    const model = registry.resolve(`${provider}/m`);
    if (model === undefined) throw new Error("does not resolve");
    const error = modelErrorOf(await run(model, [user("hi")]));
    expect(error).toMatchObject({
      kind: "timeout",
      retryable: true,
      statusCode: undefined,
      detail: undefined,
    });
    expect(JSON.stringify([error, error.message])).not.toContain("127.0.0.1");
  });
});

describe.each(providers)("the stream of %s", (provider) => {
  it("says the same however its bytes are cut, also inside a code point", async () => {
    const said = "Grüße, 世界! 👩🏽‍🚀 done";
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
        async (chunkBytes) => {
          const script = await server.script({
            steps: [text(said, { chunk: 4 }), toolCall("weather", { city: said }, { id: "c1", chunk: 3 })],
            chunkBytes,
          });
          const { events, error } = await run(modelOf(server, provider, script.model), [user("hi")]);
          expect(error).toBeUndefined();
          expect(joined(events, "text")).toBe(said);
          expect(events.find((event) => event.type === "tool-call")).toMatchObject({
            argsJson: JSON.stringify({ city: said }),
          });
        },
      ),
      { numRuns: 12 },
    );
  });

  it("gives undefined arguments for a call whose JSON is broken, and no arguments for none", async () => {
    if (provider === "google") return;
    const script = await server.script([
      toolCall("weather", '{"city": nope}', { id: "c1" }),
      toolCall("clock", "", { id: "c2" }),
    ]);
    const { events, error } = await run(modelOf(server, provider, script.model), [user("hi")]);
    expect(error).toBeUndefined();
    expect(events.filter((event) => event.type === "tool-call")).toMatchObject([
      { toolCallId: "c1", argsJson: undefined },
      { toolCallId: "c2", argsJson: "{}" },
    ]);
  });
});

describe("Anthropic's own", () => {
  it("redacted thinking, empty thinking and web searches go back as they came", async () => {
    const script = await server.script(
      [
        reasoning("", { redacted: "REDACTED==" }),
        reasoning("", { signature: "only-signed" }),
        webSearch("palaver", [{ url: "https://example.com/", title: "Example", encryptedContent: "ENC==" }], {
          id: "srvtoolu_1",
        }),
        text("Found it."),
      ],
      [text("Yes.")],
    );
    const model = modelOf(server, "anthropic", script.model);
    const first = await run(model, [user("search")]);
    expect(first.error).toBeUndefined();
    expect(first.events).toContainEqual(
      expect.objectContaining({ type: "tool-call", toolCallId: "srvtoolu_1", providerExecuted: true }),
    );
    await run(model, [
      user("search"),
      { role: "assistant", parts: partsOf(first.events), model: model.id },
      user("sure?"),
    ]);
    const { body } = await script.request(1);
    expect(body).toMatchObject({
      messages: [
        {},
        {
          content: [
            { type: "redacted_thinking", data: "REDACTED==" },
            { type: "thinking", thinking: "", signature: "only-signed" },
            { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "palaver" } },
            {
              type: "web_search_tool_result",
              tool_use_id: "srvtoolu_1",
              content: [{ url: "https://example.com/", encrypted_content: "ENC==" }],
            },
            { type: "text", text: "Found it." },
          ],
        },
        {},
      ],
    });
  });
});

/** A port that nobody listens on: it is held by a server that was told to stop. */
async function closedPort(): Promise<number> {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const address = holder.address();
  await new Promise((resolve) => holder.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
