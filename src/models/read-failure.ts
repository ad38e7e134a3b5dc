import { APICallError, InvalidResponseDataError } from "@ai-sdk/provider";
import { type ProviderFailure, statusOfCodes } from "./classify-error.js";
import { readRetryAfter } from "./retry-after.js";

const maxCauses = 8;

/**
 * What a provider package threw, or put into its stream as an `error` part, in our terms. Never looks at the request: it holds the prompt.
 * Structured facts (status, body, headers) come first; messages and codes along the chain of causes follow.
 */
export function readFailure(error: unknown, now: Date): ProviderFailure {
  if (APICallError.isInstance(error)) return readApiCallError(error, now);
  // How openai-compatible says that the stream ended before its terminal event. Where data is wrong, it is given.
  if (InvalidResponseDataError.isInstance(error) && error.data === undefined)
    return { message: error.message, endedEarly: true };
  const chain = causesOf(error);
  const inner = chain.find((cause) => APICallError.isInstance(cause));
  if (inner !== undefined) return readApiCallError(inner, now);
  if (error instanceof Error) {
    // The packages' own errors ("AI_…") hold what was sent or received; only others may be kept for logs.
    const holdsContent = chain.some((cause) => cause instanceof Error && cause.name.startsWith("AI_"));
    return holdsContent ? readErrors(chain) : { ...readErrors(chain), cause: error };
  }
  const words = readWords(error);
  return {
    ...words,
    status: statusFrom(words.status, words.codes),
    detail: words.message === "" ? undefined : words.message,
  };
}

function readApiCallError(error: APICallError, now: Date): ProviderFailure {
  const words = readWords(parseJson(error.responseBody) ?? plainText(error.responseBody));
  const transport = readErrors(causesOf(error));
  const codes = [...words.codes, ...(transport.codes ?? [])];
  const httpStatus = error.statusCode !== undefined && error.statusCode >= 400 ? error.statusCode : undefined;
  return {
    status: statusFrom(httpStatus ?? words.status, words.codes),
    message: words.message === "" ? transport.message : words.message,
    detail: words.message === "" ? undefined : words.message,
    codes,
    retryAfterMs:
      error.responseHeaders === undefined ? undefined : readRetryAfter(error.responseHeaders, now),
  };
}

/** Errors inside a stream that began well come as 500, whatever they are: there the provider's code knows better. */
function statusFrom(status: number | undefined, codes: readonly string[]): number | undefined {
  return status === undefined || status === 500 ? (statusOfCodes(codes) ?? status) : status;
}

/** Errors without a provider's words: the network's, the runtime's, or the package's own. */
function readErrors(chain: readonly unknown[]): ProviderFailure {
  const messages: string[] = [];
  const codes: string[] = [];
  for (const error of chain) {
    if (!(error instanceof Error)) continue;
    codes.push(error.name);
    const { code, value } = error as { code?: unknown; value?: unknown };
    if (typeof code === "string") codes.push(code);
    if (quotesContent(error)) {
      // Its message quotes what the model said, which proves nothing. But it may be an error event in an unknown shape.
      const words = isRecord(value) && "error" in value ? readWords(value) : undefined;
      if (words !== undefined)
        return { ...words, status: statusFrom(words.status, words.codes), detail: words.message };
      messages.push("The provider sent something that is not its protocol.");
    } else {
      messages.push(error.message);
    }
  }
  return { message: messages.join("\n"), codes };
}

function quotesContent({ name }: Error): boolean {
  return name === "AI_JSONParseError" || name === "AI_TypeValidationError";
}

function causesOf(error: unknown): unknown[] {
  const chain: unknown[] = [];
  const queue: unknown[] = [error];
  while (queue.length > 0 && chain.length < maxCauses) {
    const next = queue.shift();
    if (next === undefined || next === null || chain.includes(next)) continue;
    chain.push(next);
    if (next instanceof AggregateError) queue.push(...(next.errors as unknown[]));
    if (next instanceof Error) queue.push(next.cause);
  }
  return chain;
}

interface Words {
  readonly message: string;
  readonly codes: readonly string[];
  readonly status: number | undefined;
}

/**
 * Finds message, codes and status in the error objects of all providers: `{error: {message, type, code, status, details: [{reason}]}}`,
 * OpenAI's `{type: "response.failed", response: {error}}`, and plain texts.
 */
function readWords(value: unknown, depth = 0): Words {
  if (typeof value === "string") return { message: value, codes: [], status: undefined };
  if (Array.isArray(value)) return readWords(value[0], depth);
  if (!isRecord(value) || depth > 4) return { message: "", codes: [], status: undefined };
  const inner = [value["error"], value["response"], value["data"]].find(
    (candidate) => isRecord(candidate) || (typeof candidate === "string" && candidate !== ""),
  );
  const nested = inner === undefined ? undefined : readWords(inner, depth + 1);
  const details = Array.isArray(value["details"]) ? value["details"] : [];
  const codes = [
    value["code"],
    value["type"],
    value["status"],
    ...details.map((detail) => (isRecord(detail) ? detail["reason"] : undefined)),
  ];
  const status = [value["statusCode"], value["code"], value["status"]]
    .map(Number)
    .find((number) => Number.isInteger(number) && number >= 400 && number < 600);
  const message = [value["message"], value["detail"]].find((text) => typeof text === "string" && text !== "");
  return {
    message: (message as string | undefined) ?? nested?.message ?? "",
    codes: [
      ...codes.filter((code) => typeof code === "string" && code !== "error"),
      ...(nested?.codes ?? []),
    ] as string[],
    status: status ?? nested?.status,
  };
}

function parseJson(text: string | undefined): unknown {
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A body that is no JSON. Pages in HTML are a proxy's, and not for people to read here. */
function plainText(text: string | undefined): string {
  return text === undefined || /<\/?(?:html|head|body|!doctype)/i.test(text) ? "" : text.trim();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
