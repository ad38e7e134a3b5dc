import { APICallError, JSONParseError, TypeValidationError } from "@ai-sdk/provider";
import { describe, expect, it } from "vitest";
import { classifyFailure } from "./classify-error.js";
import { readFailure } from "./read-failure.js";

const now = new Date("2026-01-01T00:00:00Z");
const classify = (error: unknown) => classifyFailure(readFailure(error, now), { provider: "openai" });

const apiError = (fields: {
  message?: string;
  statusCode?: number;
  responseBody?: string;
  responseHeaders?: Record<string, string>;
  cause?: unknown;
}): APICallError =>
  new APICallError({
    message: "failed",
    url: "https://api.example.com/v1",
    requestBodyValues: { prompt: "overloaded quota SECRET PROMPT" },
    ...fields,
  });

function networkError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

describe("what a provider package throws", () => {
  it.each([
    [
      "OpenAI's body",
      apiError({
        statusCode: 429,
        responseBody: '{"error":{"message":"Slow","type":"requests","code":"rate_limit_exceeded"}}',
      }),
      "rate_limit",
      "Slow",
    ],
    [
      "Anthropic's body",
      apiError({
        statusCode: 529,
        responseBody: '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
      }),
      "overloaded",
      "Overloaded",
    ],
    [
      "Google's body, in a list",
      apiError({
        statusCode: 400,
        responseBody:
          '[{"error":{"code":400,"message":"Bad key","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]',
      }),
      "auth",
      "Bad key",
    ],
    [
      "a body with a bare text",
      apiError({ statusCode: 404, responseBody: '{"error":"model not found, try pulling it first"}' }),
      "config",
      "model not found, try pulling it first",
    ],
    ["FastAPI's body", apiError({ statusCode: 422, responseBody: '{"detail":"odd"}' }), "generic", "odd"],
    [
      "a body that is no JSON",
      apiError({ statusCode: 503, responseBody: "no healthy upstream" }),
      "timeout",
      "no healthy upstream",
    ],
    [
      "a page in HTML",
      apiError({ statusCode: 502, responseBody: "<html>quota</html>" }),
      "timeout",
      undefined,
    ],
    [
      "a made-up 500 for an error in a stream",
      apiError({ statusCode: 500, responseBody: '{"type":"rate_limit_error","message":"Slow"}' }),
      "rate_limit",
      "Slow",
    ],
    [
      "a plain object in a stream",
      { type: "overloaded_error", message: "Overloaded" },
      "overloaded",
      "Overloaded",
    ],
    [
      "OpenAI's failed response",
      { type: "response.failed", response: { error: { code: "server_error", message: "Oops" } } },
      "generic",
      "Oops",
    ],
    [
      "OpenAI's error frame",
      { type: "server_error", code: "server_error", message: "Oops", statusCode: 503 },
      "timeout",
      "Oops",
    ],
    ["a bare text in a stream", "Rate limit reached", "rate_limit", "Rate limit reached"],
    ["nothing", undefined, "generic", undefined],
    [
      "a stream cut by the network",
      apiError({
        statusCode: 200,
        cause: new TypeError("terminated", { cause: networkError("UND_ERR_SOCKET", "other side closed") }),
      }),
      "timeout",
      undefined,
    ],
    [
      "a refused connection",
      apiError({
        message: "Cannot connect to API",
        cause: networkError("ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:443"),
      }),
      "timeout",
      undefined,
    ],
    [
      "a connection refused on all addresses",
      new TypeError("fetch failed", { cause: new AggregateError([networkError("ECONNREFUSED", "")]) }),
      "timeout",
      undefined,
    ],
    [
      "an error event in an unknown shape",
      new TypeValidationError({ value: { error: "Overloaded" }, cause: undefined }),
      "overloaded",
      "Overloaded",
    ],
    [
      "nonsense that only looks like an error",
      new JSONParseError({ text: "overloaded quota 429", cause: new SyntaxError("x") }),
      "generic",
      undefined,
    ],
    ["something of our own", new TypeError("x is not a function"), "generic", undefined],
  ] as const)("%s", (_title, error, kind, detail) => {
    expect(classify(error)).toMatchObject({ kind, detail });
  });

  it("gives Retry-After", () => {
    expect(classify(apiError({ statusCode: 429, responseHeaders: { "retry-after": "3" } }))).toMatchObject({
      retryAfterMs: 3000,
    });
  });

  it("never passes on the prompt or the address", () => {
    const error = classify(apiError({ statusCode: 400, responseBody: '{"error":{"message":"odd"}}' }));
    expect(error.kind).toBe("generic");
    expect(error.cause).toBeUndefined();
    expect(JSON.stringify([error, error.message])).not.toMatch(/SECRET|example\.com/);
  });

  it("keeps an error of our own for logs", () => {
    const bug = new TypeError("x is not a function");
    expect(classify(bug).cause).toBe(bug);
  });
});
