import { isDeepStrictEqual } from "node:util";
import { isObject } from "../../surroundings/scripted-model/dialect.js";
import type { ModelCall } from "../../surroundings/scripted-model/model-call.js";
import type { ContentVector } from "../../vectors/content-vectors.js";

/** A thing in a prompt, the same for all dialects. Numbers stand as texts, with all their digits: see {@link exactJson}. */
export type PromptItem =
  | { readonly kind: "text"; readonly role: string; readonly text: string }
  | { readonly kind: "reasoning"; readonly text: string; readonly signature: string }
  | { readonly kind: "call"; readonly id: string; readonly name: string; readonly args: unknown }
  | { readonly kind: "result"; readonly id: string; readonly result: unknown };

/**
 * JSON text as a value in which each number is the text `number:…`: integers with all their digits, others as what a double makes of them.
 * Texts that look like this are taken for numbers, so that one may be written down where JSON would round it.
 */
export function exactJson(text: string): unknown {
  return JSON.parse(
    text.replaceAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) => {
      if (!token.startsWith('"')) return numberText(token);
      const [, literal] = /^"number:([-+.\deE]+)"$/.exec(token) ?? [];
      return literal === undefined ? token : numberText(literal);
    }),
  );
}

function numberText(literal: string): string {
  return `"number:${/^-?\d+$/.test(literal) ? BigInt(literal) : Number(literal)}"`;
}

/** What a model was sent, in order. */
export function promptItems({ dialect, rawBody }: Pick<ModelCall, "dialect" | "rawBody">): PromptItem[] {
  const body = objectOf(exactJson(rawBody));
  const messages = listOf(body["messages"]).map(objectOf);
  return dialect === "openai"
    ? messages.flatMap(openaiItems)
    : [...texts("system", body["system"]), ...messages.flatMap(anthropicItems)];
}

function openaiItems(message: Fields): PromptItem[] {
  const role = message["role"] === "developer" ? "system" : String(message["role"]);
  const said = texts(role, message["content"]);
  if (role === "tool")
    return [{ kind: "result", id: String(message["tool_call_id"]), result: resultOf(said) }];
  const calls = listOf(message["tool_calls"]).map((each): PromptItem => {
    const { id, function: called } = objectOf(each);
    const { name, arguments: args } = objectOf(called);
    return { kind: "call", id: String(id), name: String(name), args: exactJson(String(args)) };
  });
  return [...said, ...calls];
}

function anthropicItems(message: Fields): PromptItem[] {
  const role = String(message["role"]);
  if (typeof message["content"] === "string") return texts(role, message["content"]);
  return listOf(message["content"])
    .map(objectOf)
    .flatMap((block): PromptItem[] => {
      switch (block["type"]) {
        case "thinking":
          return [
            { kind: "reasoning", text: String(block["thinking"]), signature: String(block["signature"]) },
          ];
        case "tool_use":
          return [
            { kind: "call", id: String(block["id"]), name: String(block["name"]), args: block["input"] },
          ];
        case "tool_result":
          return [
            {
              kind: "result",
              id: String(block["tool_use_id"]),
              result: resultOf(texts("tool", block["content"])),
            },
          ];
        default:
          return texts(role, [block]);
      }
    });
}

/** JSON where it is some: how a result is written into a prompt is not for us to say. */
function resultOf(said: readonly { readonly text: string }[]): unknown {
  const text = said.map((item) => item.text).join("");
  try {
    return exactJson(text);
  } catch {
    return text;
  }
}

/** Of a content that is one text, or a list of blocks. */
function texts(role: string, content: unknown): (PromptItem & { kind: "text" })[] {
  if (typeof content === "string") return [{ kind: "text", role, text: content }];
  return listOf(content)
    .map(objectOf)
    .flatMap(({ type, text }) =>
      type === "text" && typeof text === "string" ? [{ kind: "text", role, text }] : [],
    );
}

/**
 * What of a vector's row a model of that dialect has to be sent. Only what the row itself says: words that an implementation adds, such as for a
 * file that is gone, are its own, and so are names that it has to change.
 */
export function itemsOf(
  { role, prompt, expect }: ContentVector,
  dialect: ModelCall["dialect"],
): PromptItem[] {
  if ("error" in prompt || "error" in expect) return [];
  const own = expect.parts.map((part) => part as PartJson);
  const words = new Set(own.map((part) => part.text?.text));
  const names = new Set(own.map((part) => part.toolCall?.toolName));
  return prompt.flatMap((content): PromptItem[] => {
    const { type, text, toolCallId: id, toolName: name, input, providerExecuted } = content as Content;
    switch (type) {
      case "text":
        return words.has(text) ? [{ kind: "text", role, text: text ?? "" }] : [];
      case "reasoning": {
        const signature = (content as Content).providerOptions?.anthropic?.signature;
        return dialect === "openai" || signature === undefined
          ? []
          : [{ kind: "reasoning", text: text ?? "", signature }];
      }
      case "tool-call":
        return providerExecuted === true || id === undefined || name === undefined || !names.has(name)
          ? []
          : [{ kind: "call", id, name, args: exactJson(JSON.stringify(input)) }];
      case "tool-result": {
        const result = own.find((part) => part.toolResult?.toolCallId === id)?.toolResult;
        // Bytes of media are shown to a model in ways of its own.
        return id === undefined || result?.resultJson === undefined || result.isMedia === true
          ? []
          : [{ kind: "result", id, result: exactJson(result.resultJson) }];
      }
      default:
        return [];
    }
  });
}

/** Those of a row's items that are not in the prompt. Its texts may stand there one by one or as one text, also in a longer one of that role. */
export function missingItems(wanted: readonly PromptItem[], prompt: readonly PromptItem[]): PromptItem[] {
  const whole = wanted.map((item) => (item.kind === "text" ? item.text : "")).join("");
  return wanted.filter(
    (item) =>
      !prompt.some((seen) => {
        if (item.kind !== "text" || seen.kind !== "text") return isDeepStrictEqual(seen, item);
        return seen.role === item.role && (standsIn(seen.text, item.text) || standsIn(seen.text, whole));
      }),
  );
}

/** Whether the text stands there, between white space or the ends. */
function standsIn(longer: string, text: string): boolean {
  for (let at = longer.indexOf(text); at !== -1; at = longer.indexOf(text, at + 1)) {
    const isSeparate = /^(\s|$)/.test(longer.slice(at + text.length));
    if (isSeparate && (at === 0 || /\s$/.test(longer.slice(0, at)))) return true;
  }
  return false;
}

interface PartJson {
  readonly text?: { readonly text?: string };
  readonly toolCall?: { readonly toolName?: string };
  readonly toolResult?: {
    readonly toolCallId?: string;
    readonly resultJson?: string;
    readonly isMedia?: boolean;
  };
}

interface Content {
  readonly type: string;
  readonly text?: string;
  readonly toolCallId?: string;
  readonly toolName?: string;
  readonly input?: unknown;
  readonly providerExecuted?: boolean;
  readonly providerOptions?: { readonly anthropic?: { readonly signature?: string } };
}

type Fields = Readonly<Record<string, unknown>>;

function objectOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
