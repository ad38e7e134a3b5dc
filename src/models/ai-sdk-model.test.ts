import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3StreamPart,
} from "@ai-sdk/provider";
import { describe, expect, it } from "vitest";
import { until } from "../../test/kit/until.js";
import { ManualClock } from "../platform/index.js";
import { createAiSdkModel } from "./ai-sdk-model.js";
import { ModelError, type ModelEvent, type ToolDeclaration } from "./model.js";

const usage = (fields: object = {}) => ({
  inputTokens: { total: 10, noCache: 4, cacheRead: 5, cacheWrite: 1 },
  outputTokens: { total: 7, text: 4, reasoning: 3 },
  ...fields,
});
const finish: LanguageModelV3StreamPart = {
  type: "finish",
  finishReason: { unified: "stop", raw: "stop" },
  usage: usage(),
};

interface Fake {
  readonly calls: LanguageModelV3CallOptions[];
  run(options?: {
    signal?: AbortSignal;
    tools?: readonly ToolDeclaration[];
    onEvent?: () => void;
  }): Promise<{ events: ModelEvent[]; error: unknown }>;
}

/** A language model whose stream is what `start` makes of it. */
function fake(
  start: (
    controller: ReadableStreamDefaultController<LanguageModelV3StreamPart>,
    options: LanguageModelV3CallOptions,
  ) => void,
): Fake {
  const calls: LanguageModelV3CallOptions[] = [];
  const languageModel: LanguageModelV3 = {
    specificationVersion: "v3",
    provider: "fake",
    modelId: "m",
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error("not used")),
    doStream: (options) => {
      calls.push(options);
      return Promise.resolve({
        stream: new ReadableStream({ start: (controller) => start(controller, options) }),
      });
    },
  };
  const model = createAiSdkModel({
    provider: "google",
    id: "google/m",
    languageModel,
    secrets: [],
    clock: new ManualClock(),
  });
  return {
    calls,
    async run({ signal = new AbortController().signal, tools = [], onEvent } = {}) {
      const events: ModelEvent[] = [];
      try {
        for await (const event of model.stream(
          { history: [{ role: "user", parts: [{ type: "text", text: "hi" }] }], tools, files: new Map() },
          { signal },
        )) {
          events.push(event);
          onEvent?.();
        }
        return { events, error: undefined };
      } catch (error) {
        return { events, error };
      }
    },
  };
}

const says = (...parts: LanguageModelV3StreamPart[]): Fake =>
  fake((controller) => {
    for (const part of parts) controller.enqueue(part);
    controller.close();
  });

describe("events", () => {
  it("carry metadata of starts, empty deltas and ends, without undefined values", async () => {
    const { events, error } = await says(
      { type: "reasoning-start", id: "0", providerMetadata: { p: { a: 1, b: undefined } } },
      { type: "reasoning-delta", id: "0", delta: "hm" },
      { type: "reasoning-delta", id: "0", delta: "", providerMetadata: { p: { signature: "s" } } },
      { type: "reasoning-end", id: "0", providerMetadata: { p: { c: null } } },
      finish,
    ).run();
    expect(error).toBeUndefined();
    expect(events.slice(0, -1)).toStrictEqual([
      { type: "reasoning", block: "0", delta: "", metadata: { p: { a: 1 } } },
      { type: "reasoning", block: "0", delta: "hm" },
      { type: "reasoning", block: "0", delta: "", metadata: { p: { signature: "s" } } },
      { type: "block-end", block: "0", metadata: { p: { c: null } } },
    ]);
  });

  it("remember by call id that the provider runs a tool", async () => {
    const { events } = await says(
      { type: "tool-input-start", id: "s1", toolName: "web_search", providerExecuted: true },
      { type: "tool-input-delta", id: "s1", delta: "{}" },
      { type: "tool-input-end", id: "s1" },
      { type: "tool-call", toolCallId: "s1", toolName: "web_search", input: "{}" },
      {
        type: "tool-result",
        toolCallId: "s1",
        toolName: "web_search",
        result: { early: true },
        preliminary: true,
      },
      { type: "tool-result", toolCallId: "s1", toolName: "web_search", result: { found: 1 } },
      { type: "source", sourceType: "url", id: "u", url: "https://example.com", title: "T" },
      { type: "source", sourceType: "document", id: "d", mediaType: "text/plain", title: "D" },
      { type: "file", mediaType: "image/png", data: "AAEC" },
      finish,
    ).run();
    expect(events.slice(0, -1)).toStrictEqual([
      { type: "tool-input", toolCallId: "s1", toolName: "web_search", delta: "", providerExecuted: true },
      { type: "tool-input", toolCallId: "s1", toolName: "web_search", delta: "{}", providerExecuted: true },
      { type: "tool-call", toolCallId: "s1", toolName: "web_search", argsJson: "{}", providerExecuted: true },
      {
        type: "tool-result",
        toolCallId: "s1",
        toolName: "web_search",
        resultJson: '{"found":1}',
        isError: false,
      },
      { type: "source", url: "https://example.com", sourceId: "u", title: "T" },
      { type: "file", mediaType: "image/png", data: new Uint8Array([0, 1, 2]) },
    ]);
  });

  it.each([
    [
      "what the provider told",
      usage(),
      {
        input_tokens: 10,
        output_tokens: 7,
        total_tokens: 17,
        reasoning_tokens: 3,
        cache_read_tokens: 5,
        cache_write_tokens: 1,
      },
    ],
    [
      "no total without both sides",
      usage({ inputTokens: { total: undefined } }),
      { output_tokens: 7, reasoning_tokens: 3 },
    ],
    [
      "nothing but counts",
      usage({ inputTokens: { total: Number.NaN, cacheRead: -1 }, outputTokens: { total: 1.5 } }),
      {},
    ],
  ])("end with usage: %s", async (_title, told, counted) => {
    const { events } = await says({ ...finish, usage: told }).run();
    expect(events).toStrictEqual([{ type: "finish", reason: "stop", usage: counted }]);
  });
});

describe("a call", () => {
  it("declares tools sorted by name", async () => {
    const declare = (name: string): ToolDeclaration => ({
      name,
      description: "",
      inputSchema: { type: "object" },
    });
    const model = says(finish);
    await model.run({ tools: [declare("b"), declare("a"), declare("Z")] });
    expect(model.calls[0]?.tools?.map(({ name }) => name)).toEqual(["Z", "a", "b"]);
  });

  it.each([
    [
      "an error part",
      { type: "error", error: { type: "overloaded_error", message: "Busy" } },
      "overloaded",
      true,
    ],
    [
      "the finish reason error",
      { ...finish, finishReason: { unified: "error", raw: "MALFORMED_FUNCTION_CALL" } },
      "generic",
      false,
    ],
    [
      "the finish reason content-filter",
      { ...finish, finishReason: { unified: "content-filter", raw: "SAFETY" } },
      "content_filter",
      false,
    ],
    [
      "a finish that no provider sent",
      { ...finish, finishReason: { unified: "other", raw: undefined } },
      "timeout",
      true,
    ],
  ] as const)("fails for %s", async (_title, part, kind, retryable) => {
    const { error } = await says({ type: "text-delta", id: "0", delta: "a" }, part).run();
    expect(error).toMatchObject({ name: "ModelError", kind, retryable, provider: "google" });
  });

  it("fails without a finish", async () => {
    expect((await says({ type: "text-delta", id: "0", delta: "a" }).run()).error).toMatchObject({
      kind: "timeout",
      retryable: true,
    });
  });

  it("does not wait for a connection that stays open after the finish, longer than the grace", async () => {
    const clock = new ManualClock();
    let cancelled = false;
    const stream = new ReadableStream<LanguageModelV3StreamPart>({
      start: (controller) => controller.enqueue(finish),
      cancel: () => {
        cancelled = true;
      },
    });
    const languageModel = { doStream: () => Promise.resolve({ stream }) } as unknown as LanguageModelV3;
    const model = createAiSdkModel({ provider: "google", id: "google/m", languageModel, secrets: [], clock });
    const iterator = model
      .stream({ history: [], tools: [], files: new Map() }, { signal: new AbortController().signal })
      [Symbol.asyncIterator]();
    const first = iterator.next();
    await until(() => clock.pending === 1, { what: "the wait for the end of the response" });
    clock.advance(250);
    expect(await first).toMatchObject({ value: { type: "finish" } });
    expect(await iterator.next()).toMatchObject({ done: true });
    expect(cancelled).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

describe("our own abort", () => {
  const reason = new Error("interrupted by a person");

  it.each([
    ["an abort error", (controller) => controller.error(new DOMException("aborted", "AbortError"))],
    ["our reason thrown back", (controller, options) => controller.error(options.abortSignal?.reason)],
    ["a stream that just ends", (controller) => controller.close()],
    ["an error part", (controller) => controller.enqueue({ type: "error", error: "aborted" })],
  ] satisfies [string, Parameters<typeof fake>[0]][])("as %s is no failure", async (_title, report) => {
    const abort = new AbortController();
    const model = fake((controller, options) => {
      controller.enqueue({ type: "text-delta", id: "0", delta: "so far" });
      abort.signal.addEventListener("abort", () => report(controller, options));
    });
    const running = model.run({ signal: abort.signal, onEvent: () => abort.abort(reason) });
    const { events, error } = await running;
    expect(error).not.toBeInstanceOf(ModelError);
    expect(events).toEqual([{ type: "text", block: "0", delta: "so far" }]);
  });
});
