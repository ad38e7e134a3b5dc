import { type Dialect, type EncodeContext, modelInBody, type ResponseEncoder, sse } from "../dialect.js";
import type { ScriptedFinish } from "../script.js";

const finishReasons: Record<ScriptedFinish, string> = {
  stop: "stop",
  length: "length",
  "content-filter": "content_filter",
  "tool-calls": "tool_calls",
};

/** OpenAI Chat Completions: https://platform.openai.com/docs/api-reference/chat-streaming. OpenAI's own never shows reasoning. */
export const openAiChat: Dialect = chatCompletions("openai-chat", "/openai/v1/chat/completions", false);

/** The same as other servers speak it (vLLM, Ollama, llama.cpp …): with reasoning as `reasoning_content`. */
export const compatible: Dialect = chatCompletions("compatible", "/compatible/v1/chat/completions", true);

function chatCompletions(name: "openai-chat" | "compatible", path: string, showsReasoning: boolean): Dialect {
  return {
    name,
    matches: (request, body) => (request.url === path ? modelInBody(body) : undefined),
    encode: (context) => encodeChunks(context, showsReasoning),
    errorBody: ({ message, code }) => ({
      error: { message, type: code ?? "invalid_request_error", param: null, code: code ?? null },
    }),
  };
}

function encodeChunks(
  { model, body, usage, serial }: EncodeContext,
  showsReasoning: boolean,
): ResponseEncoder {
  let calls = -1;
  const base = {
    id: `chatcmpl-${serial}`,
    object: "chat.completion.chunk",
    created: 1_767_225_600,
    model,
    system_fingerprint: "fp_test",
  };
  const chunk = (delta: object, finish_reason: string | null = null): string =>
    sse({ ...base, choices: [{ index: 0, delta, logprobs: null, finish_reason }] });
  const options = body["stream_options"];
  const includeUsage =
    typeof options === "object" &&
    options !== null &&
    "include_usage" in options &&
    options.include_usage === true;

  return {
    start: () => chunk({ role: "assistant", content: "", refusal: null }),
    text: (content) => chunk({ content }),
    endText: () => "",
    reasoning: (delta) => (showsReasoning ? chunk({ reasoning_content: delta }) : ""),
    endReasoning: () => "",
    redactedReasoning: () => "",
    startCall: ({ id, name }) => {
      calls += 1;
      return chunk({
        tool_calls: [{ index: calls, id, type: "function", function: { name, arguments: "" } }],
      });
    },
    args: (_call, delta) => chunk({ tool_calls: [{ index: calls, function: { arguments: delta } }] }),
    endCall: () => "",
    webSearch: () => "",
    error: (code, message) => sse({ error: { message, type: code, param: null, code } }),
    finish: (reason) =>
      chunk({}, finishReasons[reason]) +
      (includeUsage
        ? sse({
            ...base,
            choices: [],
            usage: {
              prompt_tokens: usage.input,
              completion_tokens: usage.output,
              total_tokens: usage.input + usage.output,
              prompt_tokens_details: { cached_tokens: usage.cacheRead ?? 0 },
              completion_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
            },
          })
        : "") +
      sse("[DONE]"),
  };
}
