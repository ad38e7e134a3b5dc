import { describe, expect, it } from "vitest";
import { classifyFailure, type ProviderFailure } from "./classify-error.js";

const classify = (failure: Partial<ProviderFailure>) =>
  classifyFailure({ message: "", ...failure }, { provider: "anthropic", secrets: ["geheim-123"] });

/** The table of the specification, row by row, then what it must not fall for. */
const cases: readonly (readonly [
  title: string,
  failure: Partial<ProviderFailure>,
  kind: string,
  retryable: boolean,
])[] = [
  ["an early end", { endedEarly: true }, "timeout", true],
  [
    "an early end, whatever else is said",
    { endedEarly: true, status: 401, message: "invalid api key" },
    "timeout",
    true,
  ],
  ["529", { status: 529 }, "overloaded", true],
  ["overloaded in words", { message: "Overloaded" }, "overloaded", true],
  [
    "overloaded behind a 503",
    { status: 503, message: "The model is overloaded. Please try again later." },
    "overloaded",
    true,
  ],
  [
    "overloaded as a code inside a stream",
    { message: "Busy", codes: ["overloaded_error"] },
    "overloaded",
    true,
  ],
  ["401", { status: 401 }, "auth", false],
  ["403", { status: 403 }, "auth", false],
  [
    "an invalid key behind a 400",
    { status: 400, message: "API key not valid. Please pass a valid API key." },
    "auth",
    false,
  ],
  ["an invalid key as a code", { status: 400, codes: ["API_KEY_INVALID"] }, "auth", false],
  ["an incorrect key in words", { message: "Incorrect API key provided: sk-abc" }, "auth", false],
  ["quota", { message: "quota exceeded" }, "usage_limit", false],
  [
    "quota in the body of a 429",
    { status: 429, message: "You exceeded your current quota", codes: ["insufficient_quota"] },
    "usage_limit",
    false,
  ],
  [
    "billing",
    { status: 400, message: "Your credit balance is too low. Please go to Plans & Billing." },
    "usage_limit",
    false,
  ],
  ["402", { status: 402 }, "usage_limit", false],
  [
    "an unknown model",
    { status: 404, message: "model: claude-99", codes: ["not_found_error"] },
    "config",
    false,
  ],
  [
    "an unknown model behind a 400",
    { status: 400, message: "The model `gpt-99` does not exist" },
    "config",
    false,
  ],
  ["an invalid model in words", { message: "invalid model" }, "config", false],
  ["503 invalid model", { message: "503 invalid model" }, "config", false],
  ["an invalid model behind a 503", { status: 503, message: "invalid model" }, "config", false],
  [
    "context length exceeded, as a code",
    { status: 400, codes: ["context_length_exceeded"] },
    "config",
    false,
  ],
  [
    "a prompt too long",
    { status: 400, message: "prompt is too long: 210000 tokens > 200000 maximum" },
    "config",
    false,
  ],
  [
    "too many tokens for Google",
    { status: 400, message: "The input token count (9) exceeds the maximum number of tokens allowed (8)." },
    "config",
    false,
  ],
  ["a malformed configuration", { message: "malformed configuration" }, "config", false],
  ["429", { status: 429 }, "rate_limit", true],
  ["a rate limit in words", { message: "Rate limit reached for requests" }, "rate_limit", true],
  [
    "a rate limit as a code inside a stream",
    { message: "slow", codes: ["rate_limit_error"] },
    "rate_limit",
    true,
  ],
  ["HTTP 429 in words", { message: "HTTP 429" }, "rate_limit", true],
  ["408", { status: 408 }, "timeout", true],
  ["502", { status: 502 }, "timeout", true],
  ["503", { status: 503 }, "timeout", true],
  ["504", { status: 504 }, "timeout", true],
  ["503 in words", { message: "503 Service Unavailable" }, "timeout", true],
  ["a status code in words", { message: "upstream answered with status code: 502" }, "timeout", true],
  ["a time-out", { message: "Request timed out." }, "timeout", true],
  ["a refused connection", { message: "", codes: ["ECONNREFUSED"] }, "timeout", true],
  ["a reset connection", { message: "read ECONNRESET" }, "timeout", true],
  ["undici's time-outs", { codes: ["UND_ERR_HEADERS_TIMEOUT"] }, "timeout", true],
  ["undici's socket error", { message: "terminated", codes: ["UND_ERR_SOCKET"] }, "timeout", true],
  ["EOF", { message: "unexpected EOF" }, "timeout", true],
  ["a broken pipe", { message: "write: broken pipe" }, "timeout", true],
  ["GOAWAY", { message: "http2: server sent GOAWAY and closed the connection" }, "timeout", true],
  [
    "an HTTP/2 stream reset",
    { message: "Stream closed with error code NGHTTP2_INTERNAL_ERROR", codes: ["ERR_HTTP2_STREAM_ERROR"] },
    "timeout",
    true,
  ],
  ["500", { status: 500 }, "generic", true],
  ["an internal error as a code inside a stream", { message: "oops", codes: ["api_error"] }, "generic", true],
  ["a content filter", { status: 400, codes: ["content_filter"] }, "content_filter", false],
  ["a content filter in words", { message: "Blocked by content policy" }, "content_filter", false],
  ["an odd 400", { status: 400, message: "messages: first message must be from the user" }, "generic", false],
  ["nothing at all", {}, "generic", false],

  ["a port, which is no status", { message: "dial tcp api.example.com:443: no route" }, "generic", false],
  ["a port like a status", { message: "dial 10.0.0.1:503: no route" }, "generic", false],
  ["a stream id, which is no status", { message: "stream id 429 went wrong" }, "generic", false],
  ["a number of tokens, which is no status", { message: "used 500 tokens" }, "generic", false],
  ["a duration, which is no status", { message: "after 503 ms something odd" }, "generic", false],
  [
    "a time-out as a parameter of a 400",
    { status: 400, message: "timeout: must be positive" },
    "generic",
    false,
  ],
  ["the word limit alone", { status: 400, message: "max_tokens is above the limit" }, "generic", false],
];

describe("classification", () => {
  it.each(cases)("of %s", (_title, failure, kind, retryable) => {
    expect(classify(failure)).toMatchObject({ kind, retryable, provider: "anthropic" });
  });

  it.each(cases)(
    "of %s gives a message for people: the provider's name, no number, no address",
    (_title, failure) => {
      const { message } = classify(failure);
      expect(message).toMatch(/Anthropic/);
      expect(message).not.toMatch(/\d|https?:|:\/\//);
      expect(message).toMatch(/\.$/);
    },
  );

  it("names providers by their proper names", () => {
    const messageOf = (provider: string, status = 503): string =>
      classifyFailure({ message: "", status }, { provider }).message;
    expect(messageOf("openai-chat")).toContain("OpenAI");
    expect(messageOf("openai-compatible")).toBe("The model server is not available at the moment.");
    expect(messageOf("openai-compatible", 408)).toBe(
      "The model server did not answer in time, or the connection was lost.",
    );
    expect(classifyFailure({ message: "" }, { provider: "openai-compatible" }).message).toBe(
      "The request to the model server failed.",
    );
  });

  it("passes on status, Retry-After and the provider's words without keys", () => {
    const error = classify({
      status: 429,
      detail: "Wait. Key geheim-123, sk-ant-abcdef, AIzaSyD-123 seen.",
      retryAfterMs: 1500,
    });
    expect(error).toMatchObject({
      statusCode: 429,
      retryAfterMs: 1500,
      detail: "Wait. Key [redacted], [redacted], [redacted] seen.",
    });
  });

  it("does not show words that are not the provider's", () => {
    expect(classify({ message: "connect ECONNREFUSED 10.0.0.1:443" }).detail).toBeUndefined();
  });
});
