import { type Dialect, type EncodeContext, type ResponseEncoder, sse } from "../dialect.js";
import type { ScriptedFinish } from "../script.js";

const finishReasons: Record<ScriptedFinish, string> = {
  stop: "STOP",
  length: "MAX_TOKENS",
  "content-filter": "SAFETY",
  "tool-calls": "STOP",
};

/** Google Generative AI: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent */
export const google: Dialect = {
  name: "google",
  matches: (request) => {
    const name = /^\/google\/v1beta\/models\/([^:/]+):streamGenerateContent\?alt=sse$/.exec(
      request.url ?? "",
    )?.[1];
    return name === undefined ? undefined : decodeURIComponent(name);
  },
  encode: encodeChunks,
  errorBody: ({ status, message, code }) => ({
    error: { code: status, message, status: code ?? errorStatus(status) },
  }),
};

const errorStatuses: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

function errorStatus(code: number): string {
  return errorStatuses[code] ?? "UNKNOWN";
}

function encodeChunks({ model, usage, serial }: EncodeContext): ResponseEncoder {
  /** A thought's signature comes with the part after the thought. */
  let signature: string | undefined;
  const base = { modelVersion: model, responseId: `resp-${serial}` };
  const { reasoning = 0, cacheRead } = usage;
  const counted = {
    promptTokenCount: usage.input,
    candidatesTokenCount: usage.output - reasoning,
    totalTokenCount: usage.input + usage.output,
    ...(reasoning > 0 && { thoughtsTokenCount: reasoning }),
    ...(cacheRead !== undefined && { cachedContentTokenCount: cacheRead }),
  };
  const chunk = (part: object): string =>
    sse({
      candidates: [{ content: { parts: [part], role: "model" }, index: 0 }],
      usageMetadata: { promptTokenCount: usage.input, totalTokenCount: usage.input },
      ...base,
    });
  const takeSignature = (own?: string): object => {
    const thoughtSignature = own ?? signature;
    signature = undefined;
    return thoughtSignature === undefined ? {} : { thoughtSignature };
  };

  return {
    start: () => "",
    text: (text) => chunk({ text, ...takeSignature() }),
    endText: () => "",
    reasoning: (text) => chunk({ text, thought: true }),
    endReasoning(value) {
      signature = value;
      return "";
    },
    redactedReasoning: () => "",
    startCall: () => "",
    args: () => "",
    endCall: ({ id, name, signature: own }, argsJson) =>
      chunk({ functionCall: { id, name, args: JSON.parse(argsJson) as unknown }, ...takeSignature(own) }),
    webSearch({ id, query, results }) {
      const thoughtSignature = results[0]?.encryptedContent;
      const signed = thoughtSignature === undefined ? {} : { thoughtSignature };
      const response = { results: results.map(({ url, title }) => ({ url, title })) };
      const tool = { toolType: "GOOGLE_SEARCH_WEB", id };
      return (
        chunk({ toolCall: { ...tool, args: { query } }, ...signed }) +
        chunk({ toolResponse: { ...tool, response }, ...signed })
      );
    },
    error(status, message) {
      const code = Object.entries(errorStatuses).find(([, name]) => name === status)?.[0];
      return sse({ error: { code: Number(code ?? 500), message, status } });
    },
    finish: (reason) =>
      sse({
        candidates: [
          {
            content: { parts: [{ text: "" }], role: "model" },
            finishReason: finishReasons[reason],
            index: 0,
          },
        ],
        usageMetadata: counted,
        ...base,
      }),
  };
}
