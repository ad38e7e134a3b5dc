import type { StoredPart, ToolCallPart, ToolResultPart } from "../protocol/index.js";
import type { HistoryMessage } from "./model.js";

/** A call as it stands in a prompt. */
export interface PromptCall {
  /** Unique in the prompt, and made of [A-Za-z0-9_-]. */
  readonly id: string;
  readonly call: ToolCallPart;
  /** Undefined if it was never answered; what the provider ran always has one. */
  readonly result: ToolResultPart | undefined;
}

/**
 * The calls that stand in a prompt, by their part in the history; those that the provider ran also by their result's part. What is not
 * in here is left out: results without a call, and calls that the provider ran and that `replays` refuses.
 *
 * Ids are given in the order of the history, so that what is said later never changes what stands before.
 */
export function matchCalls(
  history: readonly HistoryMessage[],
  replays: (message: HistoryMessage, call: ToolCallPart, result: ToolResultPart) => boolean,
): ReadonlyMap<StoredPart, PromptCall> {
  const answers = matchAnswers(history);
  const matched = new Map<StoredPart, PromptCall>();
  const ids = createIds();
  for (const message of history) {
    if (message.role !== "assistant") continue;
    const providerRun = matchProviderRun(message.parts);
    for (const call of message.parts) {
      if (call.type !== "tool-call") continue;
      if (call.provider_executed === true) {
        const result = providerRun.get(call);
        if (result === undefined || !replays(message, call, result)) continue;
        const entry = { id: ids.take(call.tool_call_id), call, result };
        matched.set(call, entry).set(result, entry);
      } else if (answers.has(call)) {
        matched.set(call, { id: ids.take(call.tool_call_id), call, result: answers.get(call) });
      }
    }
  }
  return matched;
}

/**
 * The result of every call that we or the client run: the first one after it with its id, before another call takes the id over.
 * Old chats have results in tool messages that the provider produced: such a call was not ours, and is left out with its result.
 */
function matchAnswers(
  history: readonly HistoryMessage[],
): ReadonlyMap<ToolCallPart, ToolResultPart | undefined> {
  const answers = new Map<ToolCallPart, ToolResultPart | undefined>();
  const latest = new Map<string, ToolCallPart>();
  for (const { role, parts } of history) {
    for (const part of parts) {
      if (role === "assistant" && part.type === "tool-call" && part.provider_executed !== true) {
        answers.set(part, undefined);
        latest.set(part.tool_call_id, part);
      } else if (part.type === "tool-result") {
        const call = latest.get(part.tool_call_id);
        if (call === undefined || answers.get(call) !== undefined) continue;
        if (part.provider_executed !== true) answers.set(call, part);
        else if (role === "tool") answers.delete(call);
      }
    }
  }
  return answers;
}

/** What the provider ran stands in one message: each call's result is the first one after it with its id. */
function matchProviderRun(parts: readonly StoredPart[]): ReadonlyMap<ToolCallPart, ToolResultPart> {
  const results = new Map<ToolCallPart, ToolResultPart>();
  const open = new Map<string, ToolCallPart>();
  for (const part of parts) {
    if (part.type === "tool-call" && part.provider_executed === true) open.set(part.tool_call_id, part);
    if (part.type !== "tool-result") continue;
    const call = open.get(part.tool_call_id);
    if (call === undefined) continue;
    open.delete(part.tool_call_id);
    results.set(call, part);
  }
  return results;
}

interface Ids {
  /** An id that was not taken before: the sanitised one, with a number behind it if need be. */
  take(id: string): string;
}

function createIds(): Ids {
  const taken = new Set<string>();
  /** The first number to try. Without it, thousands of calls with one id would take minutes. */
  const next = new Map<string, number>();
  return {
    take(id) {
      const base = sanitizeName(id, "call");
      let unique = base;
      let number = next.get(base) ?? 2;
      for (; taken.has(unique); number += 1) unique = `${base}_${String(number)}`;
      next.set(base, number);
      taken.add(unique);
      return unique;
    },
  };
}

/** A name that every provider takes: of [A-Za-z0-9_-], at most 60 characters. */
export function sanitizeName(name: string, fallback: string): string {
  const clean = name.replaceAll(/[^A-Za-z0-9_-]/gu, "_").slice(0, 60);
  return clean === "" ? fallback : clean;
}
