import { type Dialect, type EncodeContext, modelInBody, type ResponseEncoder, sse } from "../dialect.js";
import type { ScriptedFinish } from "../script.js";

const stopReasons: Record<ScriptedFinish, string> = {
  stop: "end_turn",
  length: "max_tokens",
  "content-filter": "refusal",
  "tool-calls": "tool_use",
};

/** Anthropic Messages: https://platform.claude.com/docs/en/build-with-claude/streaming */
export const anthropic: Dialect = {
  name: "anthropic",
  matches: (request, body) => (request.url === "/anthropic/v1/messages" ? modelInBody(body) : undefined),
  encode: encodeMessages,
  errorBody: ({ status, message, code }) => ({
    type: "error",
    error: { type: code ?? errorType(status), message },
    request_id: "req_test",
  }),
};

function errorType(status: number): string {
  const types: Record<number, string> = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
  };
  return types[status] ?? "api_error";
}

function encodeMessages({ model, usage, serial }: EncodeContext): ResponseEncoder {
  let index = -1;
  let open = false;
  const { cacheRead = 0, cacheWrite = 0 } = usage;
  const event = (type: string, fields: object): string => sse({ type, ...fields }, type);
  const begin = (block: object): string => {
    index += 1;
    open = true;
    return event("content_block_start", { index, content_block: block });
  };
  const delta = (fields: object): string => event("content_block_delta", { index, delta: fields });
  const stop = (): string => {
    open = false;
    return event("content_block_stop", { index });
  };

  return {
    start: () =>
      event("message_start", {
        message: {
          id: `msg_${serial}`,
          type: "message",
          role: "assistant",
          model,
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: {
            input_tokens: usage.input - cacheRead - cacheWrite,
            cache_creation_input_tokens: cacheWrite,
            cache_read_input_tokens: cacheRead,
            output_tokens: 1,
          },
        },
      }) + event("ping", {}),
    text: (text) => (open ? "" : begin({ type: "text", text: "" })) + delta({ type: "text_delta", text }),
    endText: stop,
    reasoning: (thinking) =>
      (open ? "" : begin({ type: "thinking", thinking: "", signature: "" })) +
      delta({ type: "thinking_delta", thinking }),
    endReasoning: (signature) =>
      (open ? "" : begin({ type: "thinking", thinking: "", signature: "" })) +
      (signature === undefined ? "" : delta({ type: "signature_delta", signature })) +
      stop(),
    redactedReasoning: (data) => begin({ type: "redacted_thinking", data }) + stop(),
    startCall: ({ id, name }) => begin({ type: "tool_use", id, name, input: {} }),
    args: (_call, partial) => delta({ type: "input_json_delta", partial_json: partial }),
    endCall: stop,
    webSearch: ({ id, query, results }) =>
      begin({ type: "server_tool_use", id, name: "web_search", input: {} }) +
      delta({ type: "input_json_delta", partial_json: JSON.stringify({ query }) }) +
      stop() +
      begin({
        type: "web_search_tool_result",
        tool_use_id: id,
        content: results.map(({ url, title, encryptedContent }) => ({
          type: "web_search_result",
          url,
          title,
          encrypted_content: encryptedContent,
          page_age: null,
        })),
      }) +
      stop(),
    error: (type, message) => event("error", { error: { type, message } }),
    finish: (reason) =>
      event("message_delta", {
        delta: { stop_reason: stopReasons[reason], stop_sequence: null },
        usage: {
          output_tokens: usage.output,
          ...(usage.reasoning !== undefined && {
            output_tokens_details: { thinking_tokens: usage.reasoning },
          }),
        },
      }) + event("message_stop", {}),
  };
}
