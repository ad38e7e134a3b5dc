import { type Dialect, type EncodeContext, modelInBody, type ResponseEncoder, sse } from "../dialect.js";

/** OpenAI Responses: https://platform.openai.com/docs/api-reference/responses-streaming */
export const openAiResponses: Dialect = {
  name: "openai-responses",
  matches: (request, body) => (request.url === "/openai/v1/responses" ? modelInBody(body) : undefined),
  encode: encodeResponses,
  errorBody: ({ message, code }) => ({
    error: { message, type: code ?? "invalid_request_error", param: null, code: code ?? null },
  }),
};

function encodeResponses({ model, body, usage, serial }: EncodeContext): ResponseEncoder {
  let sequence = 0;
  let outputIndex = -1;
  let item = "";
  let written = "";
  let open = false;
  const include = body["include"];
  const wantsEncrypted = Array.isArray(include) && include.includes("reasoning.encrypted_content");

  const event = (type: string, fields: object): string =>
    sse({ type, sequence_number: sequence++, ...fields }, type);
  const response = (status: string, fields: object = {}): object => ({
    id: `resp_${serial}`,
    object: "response",
    created_at: 1_767_225_600,
    status,
    model,
    output: [],
    error: null,
    incomplete_details: null,
    service_tier: "default",
    usage: null,
    ...fields,
  });
  const begin = (prefix: string): void => {
    outputIndex += 1;
    open = true;
    written = "";
    item = `${prefix}_${serial}_${String(outputIndex)}`;
  };
  const at = (fields: object = {}): object => ({ item_id: item, output_index: outputIndex, ...fields });
  const reasoningItem = (fields: object): object => ({ id: item, type: "reasoning", summary: [], ...fields });
  const beginReasoning = (): string => {
    begin("rs");
    return event("response.output_item.added", {
      output_index: outputIndex,
      item: reasoningItem({ encrypted_content: null }),
    });
  };

  return {
    start: () =>
      event("response.created", { response: response("in_progress") }) +
      event("response.in_progress", { response: response("in_progress") }),
    text(delta) {
      let out = "";
      if (!open) {
        begin("msg");
        out += event("response.output_item.added", {
          output_index: outputIndex,
          item: { id: item, type: "message", status: "in_progress", role: "assistant", content: [] },
        });
        out += event(
          "response.content_part.added",
          at({ content_index: 0, part: { type: "output_text", text: "", annotations: [], logprobs: [] } }),
        );
      }
      written += delta;
      return out + event("response.output_text.delta", at({ content_index: 0, delta, logprobs: [] }));
    },
    endText() {
      open = false;
      const part = { type: "output_text", text: written, annotations: [], logprobs: [] };
      return (
        event("response.output_text.done", at({ content_index: 0, text: written, logprobs: [] })) +
        event("response.content_part.done", at({ content_index: 0, part })) +
        event("response.output_item.done", {
          output_index: outputIndex,
          item: { id: item, type: "message", status: "completed", role: "assistant", content: [part] },
        })
      );
    },
    reasoning(delta) {
      const out = open ? "" : beginReasoning();
      const part =
        written === ""
          ? event(
              "response.reasoning_summary_part.added",
              at({ summary_index: 0, part: { type: "summary_text", text: "" } }),
            )
          : "";
      written += delta;
      return out + part + event("response.reasoning_summary_text.delta", at({ summary_index: 0, delta }));
    },
    endReasoning(signature) {
      const out = open ? "" : beginReasoning();
      open = false;
      const summary = written === "" ? [] : [{ type: "summary_text", text: written }];
      const done =
        written === ""
          ? ""
          : event("response.reasoning_summary_text.done", at({ summary_index: 0, text: written })) +
            event("response.reasoning_summary_part.done", at({ summary_index: 0, part: summary[0] }));
      const encrypted_content = wantsEncrypted ? (signature ?? null) : null;
      return (
        out +
        done +
        event("response.output_item.done", {
          output_index: outputIndex,
          item: reasoningItem({ summary, encrypted_content }),
        })
      );
    },
    redactedReasoning: () => "",
    startCall({ id, name }) {
      begin("fc");
      return event("response.output_item.added", {
        output_index: outputIndex,
        item: { id: item, type: "function_call", status: "in_progress", call_id: id, name, arguments: "" },
      });
    },
    args: (_call, delta) => event("response.function_call_arguments.delta", at({ delta })),
    endCall({ id, name }, argsJson) {
      open = false;
      return (
        event("response.function_call_arguments.done", at({ arguments: argsJson })) +
        event("response.output_item.done", {
          output_index: outputIndex,
          item: {
            id: item,
            type: "function_call",
            status: "completed",
            call_id: id,
            name,
            arguments: argsJson,
          },
        })
      );
    },
    webSearch({ id, query, results }) {
      outputIndex += 1;
      const call = { id, type: "web_search_call" };
      const sources = results.map(({ url }) => ({ type: "url", url }));
      return (
        event("response.output_item.added", {
          output_index: outputIndex,
          item: { ...call, status: "in_progress" },
        }) +
        event("response.output_item.done", {
          output_index: outputIndex,
          item: { ...call, status: "completed", action: { type: "search", query, sources } },
        })
      );
    },
    error: (code, message) => event("error", { error: { type: code, code, message, param: null } }),
    finish(reason) {
      const counted = {
        usage: {
          input_tokens: usage.input,
          input_tokens_details: { cached_tokens: usage.cacheRead ?? 0 },
          output_tokens: usage.output,
          output_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
          total_tokens: usage.input + usage.output,
        },
      };
      switch (reason) {
        case "stop":
        case "tool-calls":
          return event("response.completed", { response: response("completed", counted) });
        case "length":
          return event("response.incomplete", {
            response: response("incomplete", {
              ...counted,
              incomplete_details: { reason: "max_output_tokens" },
            }),
          });
        case "content-filter":
          return event("response.incomplete", {
            response: response("incomplete", {
              ...counted,
              incomplete_details: { reason: "content_filter" },
            }),
          });
      }
    },
  };
}
