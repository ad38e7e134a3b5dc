import { request as httpRequest } from "node:http";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModelV3, LanguageModelV3StreamPart } from "@ai-sdk/provider";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reservePort } from "../reserved-port.js";
import type { ModelEvent } from "./model-call.js";
import {
  finish,
  gate,
  httpError,
  interleaved,
  malformed,
  type ModelResponse,
  reasoning,
  reset,
  silentEnd,
  stall,
  type Step,
  streamError,
  text,
  toolCall,
} from "./script.js";
import type { ModelScript } from "./model-script.js";
import { type ScriptedModel, startScriptedModel } from "./scripted-model.js";

const events: ModelEvent[] = [];
let model: ScriptedModel;
beforeAll(async () => {
  model = await startScriptedModel({ onEvent: (event) => events.push(event) });
});
afterAll(() => model[Symbol.asyncDispose]());

type DialectName = "openai" | "anthropic";
const dialects: readonly DialectName[] = ["openai", "anthropic"];
const paths = { openai: "/chat/completions", anthropic: "/v1/messages" };

/** What the provider's own client sees of a response, as other servers use it. */
function clientOf(dialect: DialectName, replica = "r1"): LanguageModelV3 {
  const baseURL = model.baseUrl(replica);
  return dialect === "openai"
    ? createOpenAICompatible({ name: "scripted", baseURL, includeUsage: true })("a-model")
    : createAnthropic({ baseURL: `${baseURL}/v1`, apiKey: "key" })("a-model");
}

function promptOf(script: ModelScript) {
  const content = [{ type: "text" as const, text: script.says("go on") }];
  return { prompt: [{ role: "user" as const, content }] };
}

async function streamed(dialect: DialectName, script: ModelScript): Promise<LanguageModelV3StreamPart[]> {
  const { stream } = await clientOf(dialect).doStream(promptOf(script));
  const parts: LanguageModelV3StreamPart[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return parts;
    parts.push(value);
  }
}

function joined(parts: readonly LanguageModelV3StreamPart[], type: "text-delta" | "reasoning-delta"): string {
  return parts.map((part) => (part.type === type ? part.delta : "")).join("");
}

/** A call by hand. */
function ask(
  dialect: DialectName,
  body: object,
  { replica = "r1", signal }: { replica?: string; signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(model.baseUrl(replica) + paths[dialect], {
    method: "POST",
    body: JSON.stringify(body),
    signal: signal ?? null,
  });
}

const user = (content: unknown): object => ({ role: "user", content });
const asking = (script: ModelScript, more: object = { stream: true }): object => ({
  model: "a-model",
  messages: [user(script.says("hello"))],
  ...more,
});

describe.each(dialects)("in the dialect of %s", (dialect) => {
  it("a client of the provider reads reasoning, text, tool calls, and how the model ended", async () => {
    const script = model.script([
      reasoning("I think.", { codePoints: 3, signature: "signed" }),
      text("Let me look: "),
      text("now 🦊", { codePoints: 1 }),
      toolCall("weather", { city: "Zürich" }, { id: "call-1", codePoints: 4 }),
      finish("tool_calls", { input: 100, output: 50, cachedInput: 20 }),
    ]);
    const parts = await streamed(dialect, script);
    expect(joined(parts, "reasoning-delta")).toBe("I think.");
    expect(joined(parts, "text-delta")).toBe("Let me look: now 🦊");
    expect(parts.find((part) => part.type === "tool-call")).toMatchObject({
      toolCallId: "call-1",
      toolName: "weather",
      input: '{"city":"Zürich"}',
    });
    expect(parts.at(-1)).toMatchObject({
      type: "finish",
      finishReason: { unified: "tool-calls" },
      usage: { inputTokens: { total: 100, cacheRead: 20 }, outputTokens: { total: 50 } },
    });
    const [call] = script.calls;
    expect(await call?.ended()).toMatchObject({ how: "completed" });
    expect(call?.sent.map(({ kind, text: said }) => [kind, said]).slice(0, 4)).toEqual([
      ["reasoning", "I t"],
      ["reasoning", "hin"],
      ["reasoning", "k."],
      ["text", "Let me look: "],
    ]);
  });

  it("a caller that does not want a stream gets the same at once", async () => {
    const script = model.script([
      reasoning("I think."),
      text("Hello", { codePoints: 2 }),
      toolCall("weather", { city: "Bern" }, { id: "call-1" }),
    ]);
    const { content, finishReason } = await clientOf(dialect).doGenerate(promptOf(script));
    expect(content.filter(({ type }) => type !== "reasoning")).toMatchObject([
      { type: "text", text: "Hello" },
      { type: "tool-call", toolCallId: "call-1", input: '{"city":"Bern"}' },
    ]);
    expect(content).toContainEqual(expect.objectContaining({ type: "reasoning", text: "I think." }));
    expect(finishReason.unified).toBe("tool-calls");
  });

  it("blocks may interleave", async () => {
    const script = model.script([
      interleaved(
        toolCall("one", '{"a":1}', { id: "1", codePoints: 2 }),
        toolCall("two", '{"b":22}', { id: "2", codePoints: 3 }),
      ),
    ]);
    const parts = await streamed(dialect, script);
    expect(parts.flatMap((part) => (part.type === "tool-call" ? [part.toolName, part.input] : []))).toEqual([
      "one",
      '{"a":1}',
      "two",
      '{"b":22}',
    ]);
    const deltas = parts.flatMap((part) => (part.type === "tool-input-delta" ? [part.id] : []));
    expect(deltas.slice(0, 4)).toEqual(["1", "2", "1", "2"]);
  });

  it.each([
    ["by bytes, in the middle of events and code points", { chunkBytes: [1, 7, 3] }, "Zürich 🦊 ü"],
    ["by UTF-16 units, which gives halves of code points", {}, "🦊🐢"],
  ])("a text that is cut %s is the same text", async (_, options: Partial<ModelResponse>, content) => {
    const steps = [text(content, options.chunkBytes === undefined ? { units: 1 } : { codePoints: 2 })];
    const parts = await streamed(dialect, model.script({ steps, ...options }));
    expect(joined(parts, "text-delta")).toBe(content);
  });

  it("an HTTP error has its status, its headers and the provider's form", async () => {
    const script = model.script([httpError(429, "slow down", { headers: { "retry-after": "7" } })]);
    const response = await ask(dialect, asking(script));
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("7");
    expect(await response.json()).toMatchObject({ error: { message: "slow down" } });
    expect(await script.calls[0]?.ended()).toMatchObject({ how: "refused" });
  });

  it.each<[string, readonly Step[], string]>([
    ["an error in the stream", [text("He"), streamError("overloaded_error", "too much")], "failed"],
    [
      "an HTTP error after the stream began, as one in the stream",
      [text("He"), httpError(500, "x")],
      "failed",
    ],
    ["a silent end", [text("He"), silentEnd()], "cut"],
  ])("a response may end with %s", async (_, steps, how) => {
    const script = model.script(steps);
    const response = await ask(dialect, asking(script));
    const body = await response.text();
    expect(body).toContain("He");
    expect(body).not.toMatch(/\[DONE\]|message_stop/);
    expect(await script.calls[0]?.ended()).toMatchObject({ how });
    const parts = await streamed(dialect, model.script(steps));
    expect(parts.at(-1)).not.toMatchObject({ finishReason: { unified: "stop" } });
  });

  it("a response may hold garbage, and go on", async () => {
    const response = await ask(dialect, asking(model.script([malformed("data: {no\n\n"), text("on")])));
    expect(await response.text()).toMatch(/data: \{no\n\n[^]*on/);
  });

  it("a response may break off with a reset", async () => {
    const script = model.script([text("He"), reset()]);
    const response = await ask(dialect, asking(script));
    await expect(response.text()).rejects.toThrow();
    expect(await script.calls[0]?.ended()).toMatchObject({ how: "cut" });
  });

  it("a whole response may be an error, or half of it", async () => {
    const failing = model.script([streamError("overloaded_error", "too much")]);
    expect((await ask(dialect, asking(failing, {}))).status).toBe(529);
    const broken = model.script([text("Hello"), silentEnd()]);
    await expect((await ask(dialect, asking(broken, {}))).json()).rejects.toThrow();
  });
});

describe("a gate", () => {
  it("holds back what comes after it, with everything before it sent, until it is opened", async () => {
    const script = model.script([text("before"), gate("here"), text("after")]);
    const response = await ask("openai", asking(script));
    const reader = response.body?.getReader();
    const call = await script.reached("here");
    expect(call.sent.map((piece) => piece.text)).toEqual(["before"]);
    let seen = "";
    while (!seen.includes("before"))
      seen += new TextDecoder().decode((await reader?.read())?.value as Uint8Array);
    expect(seen).not.toContain("after");
    script.open("here");
    for (;;) {
      const { done = true, value } = (await reader?.read()) ?? {};
      if (done) break;
      seen += new TextDecoder().decode(value as Uint8Array);
    }
    expect(seen).toContain("after");
  });

  it("may be opened before anybody comes to it, and gates may be opened in any order", async () => {
    const script = model.script([gate("a"), text("1"), gate("b"), text("2")]);
    script.open("b");
    const answer = ask("openai", asking(script)).then((response) => response.text());
    await script.reached("a");
    script.open("a");
    expect(await answer).toMatch(/"1"[^]*"2"/);
  });

  it("may stand in the middle of a call's arguments", async () => {
    const script = model.script([toolCall("weather", ['{"city":', gate("mid"), '"Bern"}'])]);
    const answer = streamed("anthropic", script);
    const call = await script.reached("mid");
    expect(call.sent).toMatchObject([{ kind: "arguments", text: '{"city":' }]);
    script.open("mid");
    expect(await answer).toContainEqual(
      expect.objectContaining({ type: "tool-call", input: '{"city":"Bern"}' }),
    );
  });

  it("that nobody comes to is waited for as long as the caller wants, and no longer than the server is there", async () => {
    const other = await startScriptedModel();
    const script = other.script([text("never asked for")]);
    const patience = new AbortController();
    const waiting = script.reached("nowhere", { signal: patience.signal });
    patience.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    const forever = script.call(0);
    const settled = expect(forever).rejects.toThrow("was closed");
    await other[Symbol.asyncDispose]();
    await settled;
  });
});

describe("a call", () => {
  it("that the caller leaves is seen, with the time, at a gate as in a stall", async () => {
    const script = model.script([text("a"), gate("here")], [text("b"), stall()]);
    for (const index of [0, 1]) {
      const leaving = new AbortController();
      const response = await ask("openai", asking(script), { signal: leaving.signal });
      const call = await script.call(index);
      const reader = response.body?.getReader();
      await reader?.read();
      const leftAtMs = performance.now();
      leaving.abort();
      const end = await call.ended();
      expect(end.how).toBe("aborted");
      expect(end.atMs).toBeGreaterThanOrEqual(leftAtMs);
      expect(call.end).toBe(end);
    }
  });

  it("is recorded with the whole prompt as it came, and with who made it", async () => {
    const script = model.script([text("one")], [text("two")]);
    const raw = `{"model":"m","stream":true,"n":12345678901234567890,"messages":[{"role":"user","content":"${script.marker}"}]}`;
    for (const replica of ["r1", "r2"]) {
      const response = await fetch(`${model.baseUrl(replica)}/chat/completions`, {
        method: "POST",
        body: raw,
        headers: { authorization: "Bearer secret" },
      });
      await response.text();
    }
    expect(script.calls).toMatchObject([
      { index: 0, replica: "r1", rawBody: raw, headers: { authorization: "Bearer secret" } },
      { index: 1, replica: "r2", rawBody: raw },
    ]);
    expect(script.calls.map(({ sent }) => sent.map((piece) => piece.text).join(""))).toEqual(["one", "two"]);
  });

  it("goes by the newest text of a user: not an older one, not a tool's result, and the last where messages were joined", async () => {
    const [older, newer] = [
      model.script([text("old")]),
      model.script(...(Array(4).fill([text("new")]) as Step[][])),
    ];
    const result = [{ type: "tool_result", tool_use_id: "1", content: older.marker }];
    const prompts: [DialectName, object[]][] = [
      ["openai", [user(older.says("a")), user(newer.says("b")), { role: "tool", content: older.marker }]],
      [
        "openai",
        [
          user([
            { type: "text", text: older.says("a") },
            { type: "text", text: newer.says("b") },
          ]),
        ],
      ],
      ["anthropic", [user(older.says("a")), user(newer.says("b")), user(result)]],
      ["anthropic", [user(newer.says("b")), { role: "assistant", content: older.says("echo") }]],
    ];
    for (const [dialect, messages] of prompts) {
      const response = await ask(dialect, { messages, stream: true });
      expect(await response.text()).toContain("new");
    }
    expect(older.calls).toHaveLength(0);
  });

  it("that no script is for gets an error that is not worth a repetition, and is kept apart", async () => {
    const script = model.script([text("once")]);
    await (await ask("openai", asking(script))).text();
    const before = model.strays.length;
    const answers = [
      await ask("openai", asking(script)),
      await ask("openai", { messages: [user("no marker")] }),
      await ask("anthropic", { messages: [user("[[script:unknown]]")] }),
      await fetch(`${model.baseUrl("r1")}/models`),
      await fetch(`${model.baseUrl("r1")}/chat/completions`, { method: "POST", body: "{" }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 404, 400]);
    expect(model.strays.slice(before).map(({ why }) => why)).toEqual([
      expect.stringContaining("no response for call 1"),
      expect.stringContaining("names no script"),
      expect.stringContaining("no script unknown"),
      expect.stringContaining("none of the model's paths"),
      expect.stringContaining("no JSON object"),
    ]);
    expect(script.calls).toHaveLength(1);
  });

  it("cannot be larger or more frequent than the limits", async () => {
    await using small = await startScriptedModel({ maxRequestBytes: 1_000, maxCallsPerScript: 2 });
    const script = small.script([text("1")], [text("2")], [text("3")]);
    const post = (content: string): Promise<Response> =>
      fetch(`${small.baseUrl("r1")}/chat/completions`, {
        method: "POST",
        body: JSON.stringify({ messages: [user(content)] }),
      });
    const statuses: number[] = [];
    for (const content of ["x".repeat(2_000), script.marker, script.marker, script.marker])
      statuses.push((await post(content)).status);
    expect(statuses).toEqual([413, 200, 200, 400]);
    expect(script.calls).toHaveLength(2);
  });

  it("whose caller leaves in the middle of asking is none", async () => {
    const request = httpRequest(`${model.baseUrl("r1")}/chat/completions`, {
      method: "POST",
      headers: { "content-length": "1000" },
    });
    await new Promise((resolve) => request.on("error", () => undefined).write("{", resolve));
    const calls = model.calls.length;
    request.destroy();
    const script = model.script([text("next")]);
    expect((await ask("openai", asking(script))).status).toBe(200);
    expect(model.calls).toHaveLength(calls + 1);
  });
});

it("listens where it is told to, or says that it cannot", async () => {
  const listen = { host: "127.0.0.1", port: (await reservePort()).port };
  await using there = await startScriptedModel({ listen });
  expect(there.baseUrl("r1")).toBe(`http://127.0.0.1:${listen.port}/m/r1`);
  expect(() => there.baseUrl("r/1")).toThrow("cannot stand in a path");
  await expect(startScriptedModel({ listen })).rejects.toThrow("EADDRINUSE");
});

describe("the timeline", () => {
  it("tells what happened, in order and on one clock", async () => {
    let time = 0;
    const told: ModelEvent[] = [];
    await using clocked = await startScriptedModel({
      onEvent: (event) => told.push(event),
      now: () => ++time,
    });
    const script = clocked.script([text("a"), gate("here"), text("b")]);
    const answer = fetch(`${clocked.baseUrl("r1")}/chat/completions`, {
      method: "POST",
      body: JSON.stringify(asking(script)),
    }).then((response) => response.text());
    await script.reached("here");
    script.open("here");
    await answer;
    await script.calls[0]?.ended();
    expect(told.map(({ kind }) => kind)).toEqual([
      "callBegan",
      "sent",
      "gateReached",
      "gateOpened",
      "sent",
      "callEnded",
    ]);
    expect(told.map(({ atMs }) => atMs)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("ends open calls when the server is closed", async () => {
    const closing = await startScriptedModel();
    const script = closing.script([stall()]);
    const answer = fetch(`${closing.baseUrl("r1")}/chat/completions`, {
      method: "POST",
      body: JSON.stringify(asking(script)),
    });
    const refused = expect(answer).rejects.toThrow();
    const call = await script.call(0);
    await closing[Symbol.asyncDispose]();
    expect(call.end?.how).toBe("closed");
    await refused;
  });
});
