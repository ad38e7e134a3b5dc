import type { LanguageModelV3Message, LanguageModelV3Prompt } from "@ai-sdk/provider";
import type { StoredPart, ToolCallPart, ToolResultPart } from "../protocol/index.js";
import { fileAsText, fileReferenceAsText, isTextMedia } from "./file-text.js";
import type { HistoryMessage } from "./model.js";
import { providerOf } from "./provider-name.js";
import { encodeToolResult, unansweredOutput } from "./tool-result-output.js";

type Content<R extends LanguageModelV3Message["role"]> = Exclude<
  Extract<LanguageModelV3Message, { role: R }>["content"],
  string
>;

/** A call that we or the client run, with the id it has in the prompt and the result it got, wherever in the history that stands. */
interface OpenCall {
  readonly id: string;
  readonly part: ToolCallPart;
  result: ToolResultPart | undefined;
}

/**
 * The prompt that a history makes for a provider. Pure: the same history gives the same prompt, in the loop and after a restart.
 *
 * Guarantees, whatever the history: system messages come first; there is a user message; no message is empty; call ids are unique and
 * made of [A-Za-z0-9_-]; every call that the provider did not run has exactly one result, in the tool message right after it, in the order
 * of the calls; no result is without a call. Metadata goes back only to the provider that it came from.
 */
export function buildPrompt(
  history: readonly HistoryMessage[],
  target: { readonly provider: string },
): LanguageModelV3Prompt {
  const ids = createIds();
  const calls = matchCalls(history, ids);
  const system = history.filter(({ role }) => role === "system").flatMap(systemMessage);
  const turns = history.flatMap((message): LanguageModelV3Message[] => {
    if (message.role === "user") return [{ role: "user", content: userContent(message.parts) }];
    if (message.role !== "assistant") return [];
    const ownProvider = message.model !== undefined && providerOf(message.model) === target.provider;
    const content = assistantContent(message.parts, ownProvider, calls, ids);
    const results = toolContent(message.parts, calls);
    return [
      ...(content.length > 0 ? [{ role: "assistant" as const, content }] : []),
      ...(results.length > 0 ? [{ role: "tool" as const, content: results }] : []),
    ];
  });
  const hasUser = turns.some(({ role }) => role === "user");
  return [...system, ...(hasUser ? [] : [{ role: "user" as const, content: userContent([]) }]), ...turns];
}

/** System messages without the code points that a person cannot see: they hide instructions. Mid-conversation ones move to the front: most providers refuse them elsewhere. */
function systemMessage({ parts }: HistoryMessage): LanguageModelV3Message[] {
  const content = parts
    .flatMap((part) => (part.type === "text" ? [part.text] : []))
    .join("\n\n")
    .toWellFormed()
    .replaceAll(
      /[\p{Default_Ignorable_Code_Point}\u{FFF9}-\u{FFFB}\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]/gu,
      "",
    );
  return isBlank(content) ? [] : [{ role: "system", content }];
}

/** A user message keeps its place even if nothing is left of it, so that the model still has something to answer. */
function userContent(parts: readonly StoredPart[]): Content<"user"> {
  const content = parts.flatMap((part): Content<"user"> => {
    switch (part.type) {
      case "text":
        return isBlank(part.text) ? [] : [{ type: "text", text: part.text.toWellFormed() }];
      case "file-reference":
        return [{ type: "text", text: fileReferenceAsText(part) }];
      case "file":
        return part.data === undefined || isTextMedia(part.media_type)
          ? [{ type: "text", text: fileAsText(part) }]
          : [
              {
                type: "file",
                data: part.data,
                mediaType: part.media_type,
                ...(part.name !== undefined && { filename: part.name }),
              },
            ];
      case "reasoning":
      case "tool-call":
      case "tool-result":
      case "source":
        return [];
      default:
        return part satisfies never;
    }
  });
  return content.length > 0 ? content : [{ type: "text", text: "(empty message)" }];
}

function assistantContent(
  parts: readonly StoredPart[],
  ownProvider: boolean,
  calls: ReadonlyMap<StoredPart, OpenCall>,
  ids: Ids,
): Content<"assistant"> {
  const providerRun = ownProvider ? pairProviderCalls(parts, ids) : new Map<StoredPart, string>();
  return parts.flatMap((part): Content<"assistant"> => {
    const options =
      ownProvider && "provider_metadata" in part && part.provider_metadata !== undefined
        ? { providerOptions: part.provider_metadata }
        : {};
    switch (part.type) {
      case "text":
        return isBlank(part.text) ? [] : [{ type: "text", text: part.text.toWellFormed(), ...options }];
      case "reasoning": {
        // What is signed goes back byte for byte, even when empty; another provider could neither check nor use it.
        const keep = ownProvider && (part.provider_metadata !== undefined || !isBlank(part.text));
        return keep ? [{ type: "reasoning", text: part.text, ...options }] : [];
      }
      case "tool-call": {
        const id = calls.get(part)?.id ?? providerRun.get(part);
        if (id === undefined) return [];
        const call = {
          type: "tool-call" as const,
          toolCallId: id,
          input: readArguments(part.args_json),
          ...options,
        };
        return part.provider_executed === true
          ? [{ ...call, toolName: part.tool_name, providerExecuted: true }]
          : [{ ...call, toolName: sanitize(part.tool_name, "tool") }];
      }
      case "tool-result": {
        const id = providerRun.get(part);
        return id === undefined
          ? []
          : [
              {
                type: "tool-result",
                toolCallId: id,
                toolName: part.tool_name,
                output: encodeToolResult(part),
                ...options,
              },
            ];
      }
      case "file":
        return ownProvider && part.data !== undefined
          ? [{ type: "file", data: part.data, mediaType: part.media_type, ...options }]
          : [];
      case "file-reference":
      case "source":
        return [];
      default:
        return part satisfies never;
    }
  });
}

function toolContent(
  parts: readonly StoredPart[],
  calls: ReadonlyMap<StoredPart, OpenCall>,
): Content<"tool"> {
  return parts.flatMap((part): Content<"tool"> => {
    const call = calls.get(part);
    if (call === undefined) return [];
    const output = call.result === undefined ? unansweredOutput : encodeToolResult(call.result);
    return [
      { type: "tool-result", toolCallId: call.id, toolName: sanitize(call.part.tool_name, "tool"), output },
    ];
  });
}

/**
 * Finds the result of every call that the provider did not run: the first one after it with its id, before another call takes the id over.
 * Results that match no call are left out by not being in here.
 */
function matchCalls(history: readonly HistoryMessage[], ids: Ids): ReadonlyMap<StoredPart, OpenCall> {
  const calls = new Map<StoredPart, OpenCall>();
  const latest = new Map<string, OpenCall>();
  for (const { role, parts } of history) {
    for (const part of parts) {
      if (role === "assistant" && part.type === "tool-call" && part.provider_executed !== true) {
        const call: OpenCall = { id: ids.take(part.tool_call_id), part, result: undefined };
        calls.set(part, call);
        latest.set(part.tool_call_id, call);
      } else if (part.type === "tool-result" && part.provider_executed !== true) {
        const call = latest.get(part.tool_call_id);
        if (call !== undefined) call.result ??= part;
      }
    }
  }
  return calls;
}

/** The calls that the provider ran and their results, by the id they have in the prompt. One without the other is worth nothing. */
function pairProviderCalls(parts: readonly StoredPart[], ids: Ids): ReadonlyMap<StoredPart, string> {
  const paired = new Map<StoredPart, string>();
  const open = new Map<string, ToolCallPart>();
  for (const part of parts) {
    if (part.type === "tool-call" && part.provider_executed === true) open.set(part.tool_call_id, part);
    if (part.type !== "tool-result" || part.provider_executed !== true) continue;
    const call = open.get(part.tool_call_id);
    if (call === undefined) continue;
    open.delete(part.tool_call_id);
    const id = ids.take(part.tool_call_id);
    paired.set(call, id).set(part, id);
  }
  return paired;
}

interface Ids {
  /** An id that was not taken before: the sanitised one, with a number behind it if need be. */
  take(id: string): string;
}

function createIds(): Ids {
  const taken = new Set<string>();
  return {
    take(id) {
      const base = sanitize(id, "call");
      let unique = base;
      for (let number = 2; taken.has(unique); number += 1) unique = `${base}_${String(number)}`;
      taken.add(unique);
      return unique;
    },
  };
}

function sanitize(name: string, fallback: string): string {
  const clean = name.replaceAll(/[^A-Za-z0-9_-]/gu, "_").slice(0, 60);
  return clean === "" ? fallback : clean;
}

/** Arguments are an object for every provider. What a model sent instead has got an error result; here it becomes an empty one. */
function readArguments(argsJson: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(argsJson ?? "{}");
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

function isBlank(text: string): boolean {
  return text.trim() === "";
}
