import type { LanguageModelV3Message, LanguageModelV3Prompt } from "@ai-sdk/provider";
import type { ProviderMetadata, StoredPart } from "../protocol/index.js";
import { parseJson } from "./exact-json.js";
import type { HistoryMessage, ModelRequest } from "./model.js";
import { matchCalls, type PromptCall, sanitizeName } from "./prompt-calls.js";
import { fileContent, fileReferenceAsText } from "./prompt-files.js";
import { providerOf } from "./provider-name.js";
import { type ProviderTraits, traitsOf } from "./provider-traits.js";
import { encodeProviderResult, encodeToolResult, unansweredOutput } from "./tool-result-output.js";

type Content<R extends LanguageModelV3Message["role"]> = Exclude<
  Extract<LanguageModelV3Message, { role: R }>["content"],
  string
>;

/** Whom a prompt is for. */
export interface PromptTarget {
  /** The provider's name in model ids. */
  readonly provider: string;
  /** The files that the history names; those that are not in here have expired. */
  readonly files?: ModelRequest["files"] | undefined;
  /** What stands for a number in a call's arguments that a double would change; without it they are rounded. */
  readonly markNumber?: ((literal: string) => string) | undefined;
}

interface Context {
  readonly target: PromptTarget;
  readonly traits: ProviderTraits;
  readonly files: ModelRequest["files"];
  readonly calls: ReadonlyMap<StoredPart, PromptCall>;
}

/**
 * The prompt that a history makes for a provider. Pure: the same history gives the same prompt, in the loop and after a restart.
 * docs/prompts.md lists the rules.
 *
 * Guarantees, whatever the history: system messages come first, then a user message; users and the model take turns; no message is empty; call ids are
 * unique and made of [A-Za-z0-9_-]; every call that the provider did not run has exactly one result, in the tool message right after it,
 * in the order of the calls; no result is without a call. Metadata and reasoning go back only to the provider that they came from.
 */
export function buildPrompt(history: readonly HistoryMessage[], target: PromptTarget): LanguageModelV3Prompt {
  const traits = traitsOf(target.provider);
  const calls = matchCalls(
    history,
    (message, call, result) =>
      [call, result].some((part) => isOwn(message, part.provider_metadata, target, traits)) &&
      traits.takesProviderRun(call, result),
  );
  const context = { target, traits, files: target.files ?? new Map(), calls };
  const system = history.filter(({ role }) => role === "system").flatMap(systemMessage);
  const turns = history.flatMap((message): LanguageModelV3Message[] => {
    if (message.role === "user") return [{ role: "user", content: userContent(message.parts, context) }];
    if (message.role !== "assistant") return [];
    const content = assistantContent(message, context);
    const results = toolContent(message.parts, context);
    return [
      ...(content.length > 0 ? [{ role: "assistant" as const, content }] : []),
      ...(results.length > 0 ? [{ role: "tool" as const, content: results }] : []),
    ];
  });
  const opening: LanguageModelV3Message[] =
    turns[0]?.role === "user" ? [] : [{ role: "user", content: userContent([], context) }];
  return [...system, ...joinNeighbours([...opening, ...turns])];
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
function userContent(parts: readonly StoredPart[], { files, traits }: Context): Content<"user"> {
  const content = parts.flatMap((part): Content<"user"> => {
    switch (part.type) {
      case "text":
        return isBlank(part.text) ? [] : [{ type: "text", text: part.text.toWellFormed() }];
      case "file-reference":
        return [{ type: "text", text: fileReferenceAsText(part) }];
      case "file":
        return [fileContent(part, files, traits.userMedia)];
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

function assistantContent(message: HistoryMessage, context: Context): Content<"assistant"> {
  const content = message.parts.flatMap((part) => assistantPart(part, message, context));
  if (context.traits.endsInReasoning) return content;
  // A thought that nothing came of, because it was interrupted: the provider would refuse the message.
  return content.slice(0, content.findLastIndex(({ type }) => type !== "reasoning") + 1);
}

function assistantPart(
  part: StoredPart,
  message: HistoryMessage,
  { target, traits, files, calls }: Context,
): Content<"assistant"> {
  const metadata = "provider_metadata" in part ? part.provider_metadata : undefined;
  const own = isOwn(message, metadata, target, traits);
  const options = own ? optionsOf(metadata, traits) : {};
  switch (part.type) {
    case "text":
      return isBlank(part.text) ? [] : [{ type: "text", text: part.text.toWellFormed(), ...options }];
    case "reasoning": {
      // What is signed goes back byte for byte, even when empty; another provider could neither check nor use it.
      const keep = own && traits.takesReasoning(part, message.parts);
      return keep ? [{ type: "reasoning", text: part.text, ...options }] : [];
    }
    case "tool-call": {
      const call = calls.get(part);
      if (call === undefined) return [];
      const input = readArguments(part.args_json, target);
      const prompted = { type: "tool-call" as const, toolCallId: call.id, input, ...options };
      return part.provider_executed === true
        ? [{ ...prompted, toolName: part.tool_name, providerExecuted: true }]
        : [{ ...prompted, toolName: sanitizeName(part.tool_name, "tool") }];
    }
    case "tool-result": {
      const call = calls.get(part);
      if (call === undefined) return [];
      const { id: toolCallId, call: answered } = call;
      const output = encodeProviderResult(part);
      return [{ type: "tool-result", toolCallId, toolName: answered.tool_name, output, ...options }];
    }
    case "file": {
      if (!own || !traits.replyFiles) return [];
      const file = fileContent(part, files, traits.userMedia);
      return file.type === "file" ? [{ ...file, ...options }] : [];
    }
    case "file-reference":
    case "source":
      return [];
    default:
      return part satisfies never;
  }
}

function toolContent(parts: readonly StoredPart[], { calls, traits }: Context): Content<"tool"> {
  return parts.flatMap((part): Content<"tool"> => {
    if (part.type !== "tool-call" || part.provider_executed === true) return [];
    const call = calls.get(part);
    if (call === undefined) return [];
    const output =
      call.result === undefined ? unansweredOutput : encodeToolResult(call.result, traits.resultMedia);
    const toolName = sanitizeName(part.tool_name, "tool");
    return [{ type: "tool-result", toolCallId: call.id, toolName, output }];
  });
}

/**
 * Whether something that a model said comes from the target's provider. Messages of older systems do not tell which model wrote them; there the
 * name under which metadata is filed does.
 */
function isOwn(
  { model }: HistoryMessage,
  metadata: ProviderMetadata | undefined,
  { provider }: PromptTarget,
  { metadataNames = [] }: ProviderTraits,
): boolean {
  if (model !== undefined) return providerOf(model) === provider;
  return metadata !== undefined && metadataNames.some((name) => name in metadata);
}

/** Metadata as the provider wants it back; none that another provider filed. */
function optionsOf(
  metadata: ProviderMetadata | undefined,
  { metadataNames }: ProviderTraits,
): { providerOptions?: ProviderMetadata } {
  const entries = Object.entries(metadata ?? {}).filter(
    ([name]) => metadataNames === undefined || metadataNames.includes(name),
  );
  return entries.length === 0 ? {} : { providerOptions: Object.fromEntries(entries) };
}

/** Some providers, and the templates of many models, want users and the model to take turns. */
function joinNeighbours(messages: readonly LanguageModelV3Message[]): LanguageModelV3Message[] {
  const joined: LanguageModelV3Message[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    // What is joined is ours: it grows in place, since a history may be thousands of messages of one side.
    if (last?.role === "user" && message.role === "user") {
      for (const part of message.content) last.content.push(part);
    } else if (last?.role === "assistant" && message.role === "assistant") {
      for (const part of message.content) last.content.push(part);
    } else {
      joined.push(message);
    }
  }
  return joined;
}

/** Arguments are an object for every provider. What a model sent instead has got an error result; here it becomes an empty one. */
function readArguments(argsJson: string | undefined, { markNumber }: PromptTarget): Record<string, unknown> {
  try {
    const value = parseJson(argsJson ?? "{}", markNumber);
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
