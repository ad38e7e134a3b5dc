import type { Clock } from "../platform/index.js";
import type { StoredPart } from "../protocol/index.js";
import { classifyFailure } from "./classify-error.js";
import type { FinishReason, HistoryMessage, Model, ModelEvent, ModelRequest, ModelUsage } from "./model.js";
import { findRule, type Script, type ScriptSituation, type ScriptStep } from "./script.js";

const provider = "scripted";

/**
 * A model that follows a script: offline and deterministic. The same history, tools and script give the same events, with the same ids.
 *
 * A history that no rule of the script answers fails with a `config` error. Usage is an estimate: a token for every four code points.
 */
export function createScriptedModel(script: Script, deps: { readonly clock: Clock }): Model {
  return {
    provider,
    id: `${provider}/${script.name}`,
    stream: (request, options) => playScript(script, request, deps.clock, options.signal),
  };
}

async function* playScript(
  script: Script,
  request: ModelRequest,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  signal.throwIfAborted();
  const pause = pausesOf(clock, signal);
  const situation = readSituation(request);
  const rule = findRule(script, situation);
  if (rule === undefined) {
    const detail = `No rule of the script "${script.name}" answers this message.`;
    throw classifyFailure({ message: "invalid configuration", detail }, { provider });
  }
  const fill = templateOf(request.history, situation);
  const tally = { output: 0, reasoning: 0 };
  let reason: FinishReason | undefined;
  let calls = 0;
  let blocks = 0;
  const firstCall = nextCallNumber(request.history);

  for (const step of rule.steps) {
    if (reason !== undefined) break;
    if ("text" in step || "reasoning" in step) {
      const type = "text" in step ? "text" : "reasoning";
      const text = fill("text" in step ? step.text : step.reasoning);
      const block = `${type}-${String(++blocks)}`;
      const { chunk, delayMs } = paceOf(step, script);
      for (const { delta, length, isFirst } of cut(text, chunk)) {
        if (!isFirst && delayMs > 0) await pause(delayMs);
        signal.throwIfAborted();
        count(tally, type, length);
        yield { type, block, delta };
      }
      const signature = "reasoning" in step ? step.signature : undefined;
      yield {
        type: "block-end",
        block,
        ...(signature !== undefined && { metadata: { [provider]: { signature } } }),
      };
    } else if ("tool_call" in step) {
      const { name, id, args, args_json } = step.tool_call;
      const toolCallId = id ?? `call_${String(firstCall + calls)}`;
      const raw = args_json ?? JSON.stringify(args ?? {});
      calls += 1;
      const { chunk, delayMs } = paceOf(step, script);
      for (const { delta, length, isFirst } of cut(raw, chunk)) {
        if (!isFirst && delayMs > 0) await pause(delayMs);
        signal.throwIfAborted();
        count(tally, "text", length);
        yield { type: "tool-input", toolCallId, toolName: name, delta, providerExecuted: false };
      }
      yield {
        type: "tool-call",
        toolCallId,
        toolName: name,
        argsJson: isJson(raw) ? raw : undefined,
        providerExecuted: false,
      };
    } else if ("pause_ms" in step) {
      await pause(step.pause_ms);
    } else if ("error" in step) {
      const { status, message, code, retry_after_ms } = step.error;
      throw classifyFailure(
        {
          status,
          message,
          detail: message,
          codes: code === undefined ? [] : [code],
          retryAfterMs: retry_after_ms,
        },
        { provider },
      );
    } else if ("finish" in step) {
      reason = step.finish;
    } else {
      step satisfies { cut: true };
      throw classifyFailure({ message: "The script cut the stream.", endedEarly: true }, { provider });
    }
    signal.throwIfAborted();
  }
  if (reason === "content-filter") throw classifyFailure({ message: "content filter" }, { provider });
  yield {
    type: "finish",
    reason: reason ?? (calls > 0 ? "tool-calls" : "stop"),
    usage: usageOf(request, tally),
  };
}

interface Pace {
  /** Code points of a delta; undefined is everything at once. */
  readonly chunk: number | undefined;
  readonly delayMs: number;
}

function paceOf(step: Extract<ScriptStep, { chunk?: unknown }>, script: Script): Pace {
  return { chunk: step.chunk ?? script.chunk, delayMs: step.delay_ms ?? script.delay_ms ?? 0 };
}

/** Waits, which end with the signal's reason when it aborts: one listener for all pauses of a script. */
function pausesOf(clock: Clock, signal: AbortSignal): (ms: number) => Promise<void> {
  let leave: (() => void) | undefined;
  signal.addEventListener("abort", () => leave?.(), { once: true });
  return (ms) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const timer = clock.timer(ms, resolve);
      leave = () => {
        timer[Symbol.dispose]();
        reject(signal.reason as Error);
      };
    });
}

interface Piece {
  readonly delta: string;
  /** In code points. */
  readonly length: number;
  readonly isFirst: boolean;
}

/** Cuts a text into deltas of so many code points each; the last one may be shorter. */
function* cut(text: string, chunk = Number.POSITIVE_INFINITY): Generator<Piece> {
  for (let start = 0, end = 0; start < text.length; start = end) {
    let length = 0;
    for (; length < chunk && end < text.length; length += 1) end += isPair(text, end) ? 2 : 1;
    yield { delta: text.slice(start, end), length, isFirst: start === 0 };
  }
}

/** Whether the code point there takes two code units. */
function isPair(text: string, index: number): boolean {
  return (text.codePointAt(index) ?? 0) > 0xffff;
}

function readSituation({ history, tools }: ModelRequest): ScriptSituation {
  const lastUser = history.findLastIndex(({ role }) => role === "user");
  const last = history.at(-1);
  const result =
    last?.role === "tool" ? last.parts.findLast((part) => part.type === "tool-result") : undefined;
  return {
    userText: textOf(history[lastUser]),
    afterTool: result?.tool_name,
    declaredTools: new Set(tools.map(({ name }) => name)),
    turn: history.filter(({ role }) => role === "user").length,
    step: 1 + history.slice(lastUser + 1).filter(({ role }) => role === "assistant").length,
  };
}

function textOf(message: HistoryMessage | undefined): string {
  return (message?.parts ?? []).flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
}

/** Replaces `{{user}}` and `{{tool_result}}`, each with an optional limit in code points: `{{user:80}}`. */
function templateOf(
  history: readonly HistoryMessage[],
  situation: ScriptSituation,
): (text: string) => string {
  const result = history.at(-1)?.parts.findLast((part) => part.type === "tool-result");
  const values = {
    user: situation.userText,
    tool_result: result === undefined ? "" : readableResult(result.result_json),
  };
  return (text) =>
    text.replaceAll(
      /\{\{(user|tool_result)(?::(\d+))?\}\}/g,
      (_match, name: "user" | "tool_result", limit: string | undefined) => {
        const codePoints = Array.from(values[name]);
        const max = limit === undefined ? codePoints.length : Number(limit);
        return codePoints.length <= max ? values[name] : `${codePoints.slice(0, max).join("")}…`;
      },
    );
}

/** A string result, or one that only wraps a string as `output`, without its JSON clothes; anything else as it is. */
function readableResult(resultJson: string): string {
  try {
    const value: unknown = JSON.parse(resultJson);
    if (typeof value === "string") return value;
    if (
      typeof value === "object" &&
      value !== null &&
      "output" in value &&
      Object.keys(value).length === 1 &&
      typeof value.output === "string"
    ) {
      return value.output;
    }
  } catch {
    // Not JSON: shown as it is.
  }
  return resultJson;
}

/** The number of the next call id: above every number that the history holds, so that ids stay unique in the chat. */
function nextCallNumber(history: readonly HistoryMessage[]): number {
  let highest = 0;
  let calls = 0;
  for (const part of history.flatMap(({ parts }) => parts)) {
    if (part.type !== "tool-call") continue;
    calls += 1;
    const number = /^call_(\d{1,9})$/.exec(part.tool_call_id)?.[1];
    if (number !== undefined) highest = Math.max(highest, Number(number));
  }
  return Math.max(highest, calls) + 1;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function count(
  tally: { output: number; reasoning: number },
  type: "text" | "reasoning",
  length: number,
): void {
  tally.output += length;
  if (type === "reasoning") tally.reasoning += length;
}

function usageOf({ history }: ModelRequest, tally: { output: number; reasoning: number }): ModelUsage {
  const input = history.flatMap(({ parts }) => parts).reduce((sum, part) => sum + promptLength(part), 0);
  const [input_tokens, output_tokens, reasoning_tokens] = [input, tally.output, tally.reasoning].map(
    tokens,
  ) as [number, number, number];
  return {
    input_tokens,
    output_tokens,
    total_tokens: input_tokens + output_tokens,
    ...(reasoning_tokens > 0 && { reasoning_tokens }),
  };
}

function promptLength(part: StoredPart): number {
  switch (part.type) {
    case "text":
    case "reasoning":
      return Array.from(part.text).length;
    case "tool-call":
      return Array.from(part.args_json ?? "").length;
    case "tool-result":
      return Array.from(part.result_json).length;
    case "file-reference":
      return Array.from(part.content).length;
    case "file":
    case "source":
      return 0;
    default:
      return part satisfies never;
  }
}

function tokens(codePoints: number): number {
  return Math.ceil(codePoints / 4);
}
