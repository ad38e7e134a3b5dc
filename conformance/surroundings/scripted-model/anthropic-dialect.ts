import {
  type Block,
  type Dialect,
  newestTexts,
  type ResponseContext,
  serverSentEvent,
  type StreamEncoder,
  type WholeBlock,
} from "./dialect.js";
import type { FinishReason, ModelUsage } from "./script.js";

const stopReasons: Readonly<Record<FinishReason, string>> = {
  stop: "end_turn",
  length: "max_tokens",
  tool_calls: "tool_use",
  refusal: "refusal",
};

const errorTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  529: "overloaded_error",
};

/** https://platform.claude.com/docs/en/api/messages */
export const anthropicDialect: Dialect = {
  name: "anthropic",
  path: "/messages",
  newestUserTexts: (body) => newestTexts(body, "user", "text"),
  stream: streamEvents,
  whole: ({ serial, body }, blocks, { reason, usage }) => ({
    ...identity(serial, body),
    content: blocks.map(wholeBlock),
    stop_reason: stopReasons[reason],
    stop_sequence: null,
    usage: { ...inputFields(usage), output_tokens: usage.output },
  }),
  errorBody: ({ status, message, type }) => ({
    type: "error",
    error: { type: type ?? errorTypes[status] ?? "api_error", message },
    request_id: "req_scripted",
  }),
};

function identity(serial: string, body: ResponseContext["body"]): object {
  return { id: `msg_${serial}`, type: "message", role: "assistant", model: body["model"] ?? "scripted" };
}

function inputFields({ input, cachedInput = 0 }: ModelUsage): object {
  return {
    input_tokens: input - cachedInput,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedInput,
  };
}

function wholeBlock(block: WholeBlock): object {
  if (block.kind === "text") return { type: "text", text: block.content };
  if (block.kind === "reasoning")
    return { type: "thinking", thinking: block.content, signature: block.signature ?? "" };
  return { type: "tool_use", id: block.id, name: block.name, input: parsed(block.content) };
}

/** A call that is not streamed has its arguments as a value: what is no JSON can only be the text that it is. */
function parsed(argsJson: string): unknown {
  try {
    return JSON.parse(argsJson);
  } catch {
    return argsJson;
  }
}

function streamEvents({ serial, body, usage }: ResponseContext): StreamEncoder {
  const event = (type: string, fields: object): string => serverSentEvent({ type, ...fields }, type);
  const delta = ({ index }: Block, fields: object): string =>
    event("content_block_delta", { index, delta: fields });

  return {
    start: () =>
      event("message_start", {
        message: {
          ...identity(serial, body),
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { ...inputFields(usage), output_tokens: 1 },
        },
      }) + event("ping", {}),
    open: (block) => event("content_block_start", { index: block.index, content_block: emptyBlock(block) }),
    piece: (block, piece) => {
      if (block.kind === "text") return delta(block, { type: "text_delta", text: piece });
      if (block.kind === "reasoning") return delta(block, { type: "thinking_delta", thinking: piece });
      return delta(block, { type: "input_json_delta", partial_json: piece });
    },
    close: (block) =>
      (block.kind === "reasoning" && block.signature !== undefined
        ? delta(block, { type: "signature_delta", signature: block.signature })
        : "") + event("content_block_stop", { index: block.index }),
    error: (type, message) => event("error", { error: { type, message } }),
    finish: ({ reason, usage: { output } }) =>
      event("message_delta", {
        delta: { stop_reason: stopReasons[reason], stop_sequence: null },
        usage: { output_tokens: output },
      }) + event("message_stop", {}),
  };
}

function emptyBlock(block: Block): object {
  if (block.kind === "text") return { type: "text", text: "" };
  if (block.kind === "reasoning") return { type: "thinking", thinking: "", signature: "" };
  return { type: "tool_use", id: block.id, name: block.name, input: {} };
}
