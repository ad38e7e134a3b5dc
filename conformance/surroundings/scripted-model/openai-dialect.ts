import {
  type Dialect,
  isObject,
  newestTexts,
  type ResponseContext,
  serverSentEvent,
  type StreamEncoder,
  type WholeBlock,
} from "./dialect.js";
import type { FinishReason, ModelUsage } from "./script.js";

const finishReasons: Readonly<Record<FinishReason, string>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool_calls",
  refusal: "content_filter",
};

/** https://platform.openai.com/docs/api-reference/chat, with reasoning as other servers add it. */
export const openAiDialect: Dialect = {
  name: "openai",
  path: "/chat/completions",
  newestUserTexts: (body) => newestTexts(body, "user", "text"),
  stream: streamChunks,
  whole: ({ serial, body }, blocks, { reason, usage }) => ({
    ...identity(serial, body, "chat.completion"),
    choices: [
      {
        index: 0,
        message: wholeMessage(blocks),
        logprobs: null,
        finish_reason: finishReasons[reason],
      },
    ],
    usage: usageFields(usage),
  }),
  errorBody: ({ status, message, type }) => ({
    error: { message, type: type ?? usualType(status), param: null, code: type ?? null },
  }),
};

function usualType(status: number): string {
  if (status === 429) return "rate_limit_exceeded";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

function identity(serial: string, body: ResponseContext["body"], object: string): object {
  return {
    id: `chatcmpl-${serial}`,
    object,
    created: 1_767_225_600,
    model: body["model"] ?? "scripted",
    system_fingerprint: "fp_scripted",
  };
}

function usageFields({ input, output, cachedInput = 0, reasoning = 0 }: ModelUsage): object {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cachedInput },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}

function wholeMessage(blocks: readonly WholeBlock[]): object {
  const joined = (kind: "text" | "reasoning"): string =>
    blocks
      .filter((block) => block.kind === kind)
      .map(({ content }) => content)
      .join("");
  const calls = blocks.flatMap((block) =>
    block.kind === "toolCall"
      ? [{ id: block.id, type: "function", function: { name: block.name, arguments: block.content } }]
      : [],
  );
  const reasoning = joined("reasoning");
  return {
    role: "assistant",
    content: calls.length > 0 && joined("text") === "" ? null : joined("text"),
    refusal: null,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

function streamChunks({ serial, body }: ResponseContext): StreamEncoder {
  const base = identity(serial, body, "chat.completion.chunk");
  const chunk = (delta: object, finish_reason: string | null = null): string =>
    serverSentEvent({ ...base, choices: [{ index: 0, delta, logprobs: null, finish_reason }] });
  const options = body["stream_options"];
  const tellsUsage = isObject(options) && options["include_usage"] === true;

  return {
    start: () => chunk({ role: "assistant", content: "", refusal: null }),
    open: (block) =>
      block.kind === "toolCall"
        ? chunk({
            tool_calls: [
              {
                index: block.callIndex,
                id: block.id,
                type: "function",
                function: { name: block.name, arguments: "" },
              },
            ],
          })
        : "",
    piece: (block, piece) => {
      if (block.kind === "text") return chunk({ content: piece });
      if (block.kind === "reasoning") return chunk({ reasoning_content: piece });
      return chunk({ tool_calls: [{ index: block.callIndex, function: { arguments: piece } }] });
    },
    close: () => "",
    error: (type, message) => serverSentEvent({ error: { message, type, param: null, code: type } }),
    finish: ({ reason, usage }) =>
      chunk({}, finishReasons[reason]) +
      (tellsUsage ? serverSentEvent({ ...base, choices: [], usage: usageFields(usage) }) : "") +
      serverSentEvent("[DONE]"),
  };
}
