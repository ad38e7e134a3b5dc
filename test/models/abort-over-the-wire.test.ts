import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelError, type ModelEvent } from "../../src/models/index.js";
import {
  gate,
  type ProviderServer,
  type ProviderStep,
  reasoning,
  stall,
  startProviderServer,
  text,
  toolCall,
} from "../kit/provider-server/index.js";
import { modelOf, providers, run, user, weatherTools } from "./dialect.js";

let server: ProviderServer;
beforeAll(async () => {
  server = await startProviderServer();
});
afterAll(() => server[Symbol.asyncDispose]());

interface Case {
  readonly where: string;
  readonly steps: readonly ProviderStep[];
  /** What the client must have seen before it leaves; undefined: nothing can be seen yet. */
  readonly seen: ((event: ModelEvent) => boolean) | undefined;
}

const cases: readonly Case[] = [
  { where: "before the first word", steps: [gate("here"), text("never")], seen: undefined },
  {
    where: "in the middle of text",
    steps: [text("Once upon "), gate("here"), text("a time")],
    seen: (event) => event.type === "text" && event.delta !== "",
  },
  {
    where: "in the middle of reasoning",
    steps: [reasoning("First, "), gate("here"), reasoning("second", { signature: "s" }), text("Done")],
    seen: (event) => event.type === "reasoning" && event.delta !== "",
  },
  {
    where: "in the middle of tool arguments",
    steps: [toolCall("weather", { city: "Zürich" }, { gate: "here" })],
    seen: (event) => event.type === "tool-input" && event.delta !== "",
  },
  {
    where: "while the provider is silent",
    steps: [text("Once"), gate("here"), stall()],
    seen: (event) => event.type === "text" && event.delta !== "",
  },
];

describe.each(providers)("an abort with %s", (provider) => {
  it.each(cases)("$where reaches the provider, and is no failure", async ({ where, steps, seen }) => {
    // Chat Completions shows no reasoning, Google sends whole calls: there is nothing to see in the middle.
    const visible =
      !(provider === "openai-chat" && where.includes("reasoning")) &&
      !(provider === "google" && where.includes("arguments"));
    const script = await server.script(steps);
    const abort = new AbortController();
    const saw = deferred();
    const running = run(modelOf(server, provider, script.model), [user("go")], {
      signal: abort.signal,
      tools: weatherTools,
      onEvent: (event) => {
        if (seen?.(event) === true) saw.resolve();
      },
    });
    await script.reached("here");
    if (seen !== undefined && visible) await saw.promise;
    abort.abort();
    const { error, events } = await running;
    expect(error).not.toBeInstanceOf(ModelError);
    expect(events.some(({ type }) => type === "finish")).toBe(false);
    expect(await script.ended(0)).toBe("aborted by client");
  });

  it("before the call makes no request", async () => {
    const script = await server.script([text("never")]);
    const { error, events } = await run(modelOf(server, provider, script.model), [user("go")], {
      signal: AbortSignal.abort(),
    });
    expect(error).not.toBeInstanceOf(ModelError);
    expect(events).toEqual([]);
    expect(await script.requests()).toEqual([]);
  });

  it("by leaving the loop cancels the request too", async () => {
    const script = await server.script([text("Once"), gate("here"), text("upon")]);
    const model = modelOf(server, provider, script.model);
    for await (const event of model.stream(
      { history: [user("go")], tools: [], files: new Map() },
      { signal: new AbortController().signal },
    )) {
      if (event.type === "text" && event.delta !== "") break;
    }
    expect(await script.ended(0)).toBe("aborted by client");
  });
});

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
