import { describe, expect, it } from "vitest";
import { until } from "../../test/kit/until.js";
import { ManualClock } from "../platform/index.js";
import { defaultScript } from "./default-script.js";
import { type HistoryMessage, ModelError, type ModelEvent, type ToolDeclaration } from "./model.js";
import type { Script, ScriptStep } from "./script.js";
import { createScriptedModel } from "./scripted-model.js";

const user = (content: string): HistoryMessage => ({
  role: "user",
  parts: [{ type: "text", text: content }],
});
const currentTime: ToolDeclaration = {
  name: "current_time",
  description: "",
  inputSchema: { type: "object" },
};

/** A clock on which every wait is over at once; it remembers how long they were. */
class HurriedClock extends ManualClock {
  readonly waits: number[] = [];
  override timer(ms: number, callback: () => void): Disposable {
    this.waits.push(ms);
    const timer = super.timer(0, callback);
    this.advance(0);
    return timer;
  }
}

async function play(
  script: Script,
  history: readonly HistoryMessage[],
  options: { tools?: readonly ToolDeclaration[]; clock?: ManualClock } = {},
) {
  const events: ModelEvent[] = [];
  const model = createScriptedModel(script, { clock: options.clock ?? new HurriedClock() });
  try {
    for await (const event of model.stream(
      { history, tools: options.tools ?? [], files: new Map() },
      { signal: new AbortController().signal },
    ))
      events.push(event);
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}

const steps = (...list: ScriptStep[]): Script => ({
  name: "x",
  turns: [{ when: { after_tool: "*" }, steps: list }, { steps: list }],
});
const textOf = (events: readonly ModelEvent[]): string =>
  events.map((event) => (event.type === "text" ? event.delta : "")).join("");

describe("a script", () => {
  it("streams text in chunks of code points, with delays between them", async () => {
    const clock = new HurriedClock();
    const { events } = await play(steps({ text: "👩‍🚀abc", chunk: 2, delay_ms: 20 }), [user("hi")], {
      clock,
    });
    expect(events).toEqual([
      { type: "text", block: "text-1", delta: "👩\u200D" },
      { type: "text", block: "text-1", delta: "🚀a" },
      { type: "text", block: "text-1", delta: "bc" },
      { type: "block-end", block: "text-1" },
      { type: "finish", reason: "stop", usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3 } },
    ]);
    expect(clock.waits).toEqual([20, 20]);
  });

  it("reasons, with a signature", async () => {
    const { events } = await play(steps({ reasoning: "hmmm", signature: "s" }), [user("hi")]);
    expect(events).toEqual([
      { type: "reasoning", block: "reasoning-1", delta: "hmmm" },
      { type: "block-end", block: "reasoning-1", metadata: { scripted: { signature: "s" } } },
      {
        type: "finish",
        reason: "stop",
        usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2, reasoning_tokens: 1 },
      },
    ]);
  });

  it("calls tools, with ids that are new in the history, and with broken arguments", async () => {
    const history: HistoryMessage[] = [
      user("hi"),
      {
        role: "assistant",
        parts: [{ type: "tool-call", tool_call_id: "call_7", tool_name: "t", args_json: "{}" }],
      },
      {
        role: "tool",
        parts: [{ type: "tool-result", tool_call_id: "call_7", tool_name: "t", result_json: "{}" }],
      },
    ];
    const { events } = await play(
      steps(
        { tool_call: { name: "t", args: { a: 1 } } },
        { tool_call: { name: "t", args_json: "{broken" } },
        { tool_call: { name: "t", id: "mine" } },
      ),
      history,
    );
    expect(events.filter(({ type }) => type === "tool-call")).toEqual([
      {
        type: "tool-call",
        toolCallId: "call_8",
        toolName: "t",
        argsJson: '{"a":1}',
        providerExecuted: false,
      },
      {
        type: "tool-call",
        toolCallId: "call_9",
        toolName: "t",
        argsJson: undefined,
        providerExecuted: false,
      },
      { type: "tool-call", toolCallId: "mine", toolName: "t", argsJson: "{}", providerExecuted: false },
    ]);
    expect(events.at(-1)).toMatchObject({ type: "finish", reason: "tool-calls" });
  });

  it("fills in the user's text and the tool's result, cut if asked to, taken literally", async () => {
    const history: HistoryMessage[] = [
      user("a $& {{user}} 👩‍🚀"),
      { role: "assistant", parts: [{ type: "tool-call", tool_call_id: "c", tool_name: "t" }] },
      {
        role: "tool",
        parts: [
          { type: "tool-result", tool_call_id: "c", tool_name: "t", result_json: '{"output":"sunny"}' },
        ],
      },
    ];
    const { events } = await play(steps({ text: "{{user}}|{{user:4}}|{{tool_result}}|{{other}}" }), history);
    expect(textOf(events)).toBe("a $& {{user}} 👩‍🚀|a $&…|sunny|{{other}}");
  });

  it.each([
    [
      { error: { status: 429, message: "slow", retry_after_ms: 50 } },
      { kind: "rate_limit", retryable: true, retryAfterMs: 50, detail: "slow" },
    ],
    [{ error: { message: "Overloaded" } }, { kind: "overloaded", retryable: true }],
    [{ error: { message: "no", code: "insufficient_quota" } }, { kind: "usage_limit", retryable: false }],
    [{ cut: true as const }, { kind: "timeout", retryable: true }],
    [{ finish: "content-filter" as const }, { kind: "content_filter", retryable: false }],
  ])("fails with %j after what it said", async (step, expected) => {
    const { events, error } = await play(steps({ text: "so far" }, step), [user("hi")]);
    expect(textOf(events)).toBe("so far");
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({ provider: "scripted", ...expected });
  });

  it("ends where it is told to", async () => {
    const { events } = await play(steps({ text: "a" }, { finish: "length" }, { text: "never" }), [
      user("hi"),
    ]);
    expect(textOf(events)).toBe("a");
    expect(events.at(-1)).toMatchObject({ reason: "length" });
  });

  it("fails as misconfigured for a message that no rule answers", async () => {
    const { error } = await play(
      { name: "x", turns: [{ when: { user: "hello" }, steps: [{ text: "a" }] }] },
      [user("bye")],
    );
    expect(error).toMatchObject({
      kind: "config",
      retryable: false,
      detail: 'No rule of the script "x" answers this message.',
    });
  });

  it("is deterministic", async () => {
    const once = await play(defaultScript, [user("time?")], { tools: [currentTime] });
    expect(await play(defaultScript, [user("time?")], { tools: [currentTime] })).toEqual(once);
  });

  it("does not begin a pause once it was aborted", async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const model = createScriptedModel(steps({ text: "ab", chunk: 1, delay_ms: 1_000 }), { clock });
    const request = { history: [user("hi")], tools: [], files: new Map() };
    const events = model.stream(request, { signal: abort.signal })[Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ delta: "a" });
    abort.abort(new Error("enough"));
    await expect(events.next()).rejects.toThrow("enough");
    expect(clock.pending).toBe(0);
  });

  it("ends promptly when aborted in a pause", async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const model = createScriptedModel(steps({ text: "a" }, { pause_ms: 60_000 }, { text: "never" }), {
      clock,
    });
    const events: ModelEvent[] = [];
    const running = (async () => {
      for await (const event of model.stream(
        { history: [user("hi")], tools: [], files: new Map() },
        { signal: abort.signal },
      ))
        events.push(event);
    })();
    await until(() => clock.pending === 1, { what: "the pause" });
    abort.abort(new Error("enough"));
    await expect(running).rejects.not.toBeInstanceOf(ModelError);
    expect(textOf(events)).toBe("a");
    expect(clock.pending).toBe(0);
  });
});

describe("the default script", () => {
  it("says what it is, what was asked and how to get a real model", async () => {
    const { events } = await play(defaultScript, [user("Hello there")]);
    expect(textOf(events)).toMatch(
      /scripted model[^]*Hello there[^]*OPENAI_API_KEY[^]*ANTHROPIC_API_KEY[^]*PALAVER_MODEL/,
    );
    expect(events.filter(({ type }) => type === "text").length).toBeGreaterThan(50);
  });

  it("runs current_time when asked for the time, if there is such a tool, and reports what it said", async () => {
    const question = user("What time is it?");
    const { events } = await play(defaultScript, [question], { tools: [currentTime] });
    expect(events).toContainEqual({
      type: "tool-call",
      toolCallId: "call_1",
      toolName: "current_time",
      argsJson: "{}",
      providerExecuted: false,
    });
    const answered: HistoryMessage[] = [
      question,
      {
        role: "assistant",
        parts: [{ type: "tool-call", tool_call_id: "call_1", tool_name: "current_time", args_json: "{}" }],
      },
      {
        role: "tool",
        parts: [
          {
            type: "tool-result",
            tool_call_id: "call_1",
            tool_name: "current_time",
            result_json: '{"time":"noon"}',
          },
        ],
      },
    ];
    expect(textOf((await play(defaultScript, answered, { tools: [currentTime] })).events)).toContain(
      '{"time":"noon"}',
    );
    expect(textOf((await play(defaultScript, [question])).events)).toContain("scripted model");
  });

  it("thinks, talks long and fails when asked to", async () => {
    expect(
      (await play(defaultScript, [user("think!")])).events.some(({ type }) => type === "reasoning"),
    ).toBe(true);
    const long = await play(defaultScript, [user("something long")]);
    expect(long.events.at(-1)).toMatchObject({
      usage: { output_tokens: expect.closeTo(2000, -3) as unknown },
    });
    expect((await play(defaultScript, [user("fail")])).error).toMatchObject({
      kind: "generic",
      retryable: false,
    });
  });
});
