import * as z from "zod";
import type { ReasoningPart, StoredPart, ToolCallPart, ToolResultPart } from "../protocol/index.js";

/**
 * What a provider takes back of a history, as far as its package can send it. What it would refuse is left out of the prompt instead,
 * because one part that is refused fails the whole call, and every later one of the chat.
 */
export interface ProviderTraits {
  /** The names under which the provider's package files metadata; undefined where that is configurable. */
  readonly metadataNames: readonly string[] | undefined;
  /** Media types that may stand in user messages as bytes. */
  readonly userMedia: ReadonlySet<string>;
  /** Media types that may stand in tool results as bytes. */
  readonly resultMedia: ReadonlySet<string>;
  /** Files that the model generated may stand in its messages. */
  readonly replyFiles: boolean;
  /** A message of the model may end with reasoning. */
  readonly endsInReasoning: boolean;
  /** Whether a piece of the provider's own reasoning may go back; `message` is the one that it stands in. */
  readonly takesReasoning: (part: ReasoningPart, message: readonly StoredPart[]) => boolean;
  /** Whether a call that the provider ran itself may go back with its result; otherwise both are left out. */
  readonly takesProviderRun: (call: ToolCallPart, result: ToolResultPart) => boolean;
}

/** Unknown providers are taken for servers that speak Chat Completions. */
export function traitsOf(provider: string): ProviderTraits {
  return traits[provider] ?? compatible;
}

const images = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const pdf = "application/pdf";
const never = (): boolean => false;

/** Checks every signature, and the shape of what it searched. Refuses a message that ends in a thought. */
const anthropic: ProviderTraits = {
  metadataNames: ["anthropic"],
  userMedia: new Set([...images, pdf]),
  resultMedia: new Set([...images, pdf]),
  replyFiles: false,
  endsInReasoning: false,
  takesReasoning: (part) => {
    const { signature, redactedData } = part.provider_metadata?.["anthropic"] ?? {};
    return isText(signature) || isText(redactedData);
  },
  takesProviderRun: (call, result) => {
    if (call.tool_name !== "web_search" || !isObject(parse(call.args_json))) return false;
    const schema = result.is_error === true ? anthropicSearchError : anthropicSearchResults;
    return schema.safeParse(parse(result.result_json)).success;
  },
};

const anthropicSearchResults = z.array(
  z.object({
    type: z.literal("web_search_result"),
    url: z.string(),
    title: z.string().nullable(),
    pageAge: z.string().nullable(),
    // Without it the provider refuses the whole prompt.
    encryptedContent: z.string().min(1),
  }),
);
const anthropicSearchError = z.object({ errorCode: z.string() });

/**
 * The Responses API with `store: false`: nothing is kept there, so only what is complete in itself can go back. Reasoning is complete
 * once it is encrypted, which may be at its last part; of the tools that OpenAI runs, searches are.
 */
const openAi: ProviderTraits = {
  metadataNames: ["openai"],
  userMedia: new Set([...images, pdf]),
  resultMedia: new Set([...images, pdf]),
  replyFiles: false,
  endsInReasoning: false,
  takesReasoning: (part, message) => {
    const { itemId, reasoningEncryptedContent } = openAiMetadata(part);
    if (isText(reasoningEncryptedContent)) return true;
    if (!isText(itemId)) return false;
    return message.some((other) => {
      if (other.type !== "reasoning") return false;
      const metadata = openAiMetadata(other);
      return metadata["itemId"] === itemId && isText(metadata["reasoningEncryptedContent"]);
    });
  },
  takesProviderRun: (call, result) =>
    (call.tool_name === "web_search" || call.tool_name === "web_search_preview") &&
    result.is_error !== true &&
    openAiSearchResult.safeParse(parse(result.result_json)).success,
};

const openAiSearchResult = z.object({
  action: z.discriminatedUnion("type", [
    z.object({ type: z.literal("search") }),
    z.object({ type: z.literal("openPage") }),
    z.object({ type: z.literal("findInPage") }),
  ]),
});

function openAiMetadata(part: ReasoningPart): Readonly<Record<string, unknown>> {
  return part.provider_metadata?.["openai"] ?? {};
}

/** Chat Completions shows no reasoning and takes none; results of tools are text. */
const openAiChat: ProviderTraits = {
  metadataNames: ["openai"],
  userMedia: new Set([...images, pdf]),
  resultMedia: new Set(),
  replyFiles: false,
  endsInReasoning: false,
  takesReasoning: never,
  takesProviderRun: never,
};

/** Other servers that speak Chat Completions. Few take anything but images. */
const compatible: ProviderTraits = {
  metadataNames: undefined,
  userMedia: new Set(images),
  resultMedia: new Set(),
  replyFiles: false,
  endsInReasoning: true,
  takesReasoning: (part) => part.text.trim() !== "",
  takesProviderRun: never,
};

/** Takes what its package marks as run by the server; what it does not mark would go back as a call of ours. */
const google: ProviderTraits = {
  metadataNames: ["google"],
  userMedia: new Set(["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif", pdf]),
  resultMedia: new Set(["image/png", "image/jpeg", "image/webp", pdf]),
  replyFiles: true,
  endsInReasoning: true,
  // An empty text cannot be sent to it, signed or not.
  takesReasoning: (part) => part.text !== "",
  takesProviderRun: (call, result) =>
    result.is_error !== true &&
    parse(result.result_json) !== undefined &&
    [call, result].every((part) => {
      const { serverToolCallId, serverToolType } = part.provider_metadata?.["google"] ?? {};
      return isText(serverToolCallId) && isText(serverToolType);
    }),
};

const traits: Readonly<Record<string, ProviderTraits>> = {
  anthropic,
  openai: openAi,
  "openai-chat": openAiChat,
  google,
  "openai-compatible": compatible,
};

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? "");
  } catch {
    return undefined;
  }
}
