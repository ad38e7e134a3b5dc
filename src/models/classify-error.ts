import type { ChatErrorKind } from "../protocol/index.js";
import { ModelError } from "./model.js";
import { properProviderName } from "./provider-name.js";
import { redactDetail } from "./redact.js";

/** What is known of a failed call, whatever the provider's way of saying it. */
export interface ProviderFailure {
  /** The HTTP status, or the one that the provider's error code stands for. Never that of a response that began well. */
  readonly status?: number | undefined;
  /** What the failure says, whoever says it. May name hosts: it is looked at, not shown. */
  readonly message: string;
  /** The provider's own words, to be shown. */
  readonly detail?: string | undefined;
  /** Machine-readable codes and types: the provider's ("insufficient_quota") and the operating system's ("ECONNRESET"). */
  readonly codes?: readonly string[] | undefined;
  /** Whether the stream ended, without an error, before its terminal event. */
  readonly endedEarly?: boolean | undefined;
  readonly retryAfterMs?: number | undefined;
  /** What was thrown, if it holds nothing of the conversation: for logs. */
  readonly cause?: unknown;
}

interface Signals {
  readonly status: number | undefined;
  readonly endedEarly: boolean;
  /** Message and codes. */
  readonly text: string;
  /** The same, unless a status says already what happened: a word in the message of a 400 proves no time-out. */
  readonly textWithoutStatus: string;
}

interface Rule {
  readonly kind: ChatErrorKind;
  readonly retryable: boolean;
  readonly message: (provider: string) => string;
  readonly matches: (signals: Signals) => boolean;
}

const statuses =
  (...wanted: number[]) =>
  ({ status }: Signals): boolean =>
    status !== undefined && wanted.includes(status);

/** The table: the first rule that matches decides (RETRY-1). The order is part of the contract. */
const rules: readonly Rule[] = [
  {
    kind: "timeout",
    retryable: true,
    message: (provider) => `The answer of ${inSentence(provider)} ended before it was complete.`,
    matches: ({ endedEarly }) => endedEarly,
  },
  {
    kind: "overloaded",
    retryable: true,
    message: (provider) => `${provider} is overloaded.`,
    matches: (signals) => statuses(529)(signals) || /\boverloaded(?:_error)?\b/i.test(signals.text),
  },
  {
    kind: "auth",
    retryable: false,
    message: (provider) => `${provider} did not accept the API key, or does not allow it to do this.`,
    matches: (signals) =>
      statuses(401, 403)(signals) ||
      /\b(?:invalid|incorrect|wrong|missing|expired|revoked)[ _-](?:x-)?api[ _-]?key\b|\bapi[ _-]?key (?:is )?(?:not valid|invalid|missing|expired)|\bAPI_KEY_INVALID\b|\binvalid (?:access )?(?:key|token)\b|\bauthentication_error\b|\bunauthenticated\b|\bunauthorized\b|\bpermission_(?:error|denied)\b/i.test(
        signals.text,
      ),
  },
  {
    kind: "usage_limit",
    retryable: false,
    message: (provider) => `The usage limit of the account at ${inSentence(provider)} is reached.`,
    matches: (signals) =>
      statuses(402)(signals) ||
      /\bquota\b|insufficient_quota|\bbilling|\bcredit balance\b|\binsufficient (?:credit|balance|funds)/i.test(
        signals.text,
      ),
  },
  {
    kind: "config",
    retryable: false,
    message: (provider) => `The conversation is too long for this model of ${inSentence(provider)}.`,
    matches: ({ text }) =>
      /context[ _]?(?:length|window|limit|size)|maximum context|prompt is too long|too many (?:input )?tokens|exceeds? the (?:maximum number of tokens|available context)|input (?:is )?too long/i.test(
        text,
      ),
  },
  {
    kind: "config",
    retryable: false,
    message: (provider) => `${provider} does not know this model, or its address is configured wrongly.`,
    matches: (signals) =>
      statuses(404)(signals) ||
      /\b(?:invalid|unknown|unsupported|no such) model\b|model[ _]not[ _]found|\bmodel\b.{0,200}?\b(?:not found|does not exist|is not supported|is not available|not a valid)|not a valid model|\bnot_found_error\b/is.test(
        signals.text,
      ),
  },
  {
    kind: "config",
    retryable: false,
    message: (provider) => `${provider} cannot serve this request as it is configured.`,
    matches: (signals) =>
      statuses(413)(signals) ||
      /\b(?:malformed|invalid) (?:config|configuration|base ?url|url)\b|\bERR_INVALID_URL\b|\bAI_(?:UnsupportedFunctionality|InvalidPrompt)Error\b|\brequest_too_large\b/i.test(
        signals.text,
      ),
  },
  {
    kind: "rate_limit",
    retryable: true,
    message: (provider) => `${provider} is limiting the rate of requests.`,
    matches: (signals) =>
      statuses(429)(signals) ||
      /\brate[ _-]?limit|\btoo many requests\b|\bresource_exhausted\b/i.test(signals.textWithoutStatus),
  },
  {
    kind: "timeout",
    retryable: true,
    message: (provider) => `${provider} is not available at the moment.`,
    matches: statuses(502, 503, 504),
  },
  {
    kind: "timeout",
    retryable: true,
    message: (provider) => `${provider} did not answer in time, or the connection was lost.`,
    matches: (signals) =>
      statuses(408)(signals) ||
      /\btime[ds]?[ -]?out\b|\btimeout_error\b|\bdeadline[ _]exceeded\b|\brefused\b|\breset\b|\bEOF\b|\bbroken pipe\b|\bgoaway\b|\bNGHTTP2_\w+|\bERR_HTTP2_\w+|\bsocket hang up\b|\bother side closed\b|^terminated$|\bpremature close\b|\bE(?:CONNREFUSED|CONNRESET|CONNABORTED|PIPE|TIMEDOUT|AI_AGAIN|HOSTUNREACH|NETUNREACH)\b|\bENOTFOUND\b|\bUND_ERR_(?:\w+_TIMEOUT|SOCKET)\b/im.test(
        signals.textWithoutStatus,
      ),
  },
  {
    kind: "generic",
    retryable: true,
    message: (provider) => `${provider} reported an internal error.`,
    matches: (signals) =>
      statuses(500)(signals) || /\binternal[ _]server[ _]error\b/i.test(signals.textWithoutStatus),
  },
  {
    kind: "content_filter",
    retryable: false,
    message: (provider) => `${provider} withheld the answer because of its content filter.`,
    matches: ({ text }) =>
      /content[ _-]?(?:filter|policy|management)|\bprohibited[ _]content\b|\bresponsible ai\b|\bsafety (?:system|filter|settings?)\b/i.test(
        text,
      ),
  },
  {
    kind: "generic",
    retryable: false,
    message: (provider) => `The request to ${inSentence(provider)} failed.`,
    matches: () => true,
  },
];

/**
 * Says what a failure means and whether to try again: the table of AGENT "Failure and retry", first match wins. Pure.
 *
 * The error's message names the provider and holds no status code, address or key; `detail` holds the provider's own words, with
 * keys (those in `secrets` and anything that looks like one) taken out.
 */
export function classifyFailure(
  failure: ProviderFailure,
  context: { readonly provider: string; readonly secrets?: readonly string[] },
): ModelError {
  const text = [failure.message, ...(failure.codes ?? [])].join("\n");
  const status = failure.status ?? statusOfCodes(failure.codes ?? []) ?? statusInText(failure.message);
  const signals: Signals = {
    status,
    endedEarly: failure.endedEarly === true,
    text,
    textWithoutStatus: status === undefined ? text : "",
  };
  const rule = rules.find((candidate) => candidate.matches(signals)) as Rule;
  return new ModelError(rule.message(properProviderName(context.provider)), {
    kind: rule.kind,
    provider: context.provider,
    retryable: rule.retryable,
    statusCode: status,
    detail: failure.detail === undefined ? undefined : redactDetail(failure.detail, context.secrets ?? []),
    retryAfterMs: failure.retryAfterMs,
    cause: failure.cause,
  });
}

/** Error types of the providers that stand for a status; they come without one inside a started stream. */
const statusByCode: Readonly<Record<string, number>> = {
  // Anthropic
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
  // OpenAI
  invalid_api_key: 401,
  model_not_found: 404,
  rate_limit_exceeded: 429,
  server_error: 500,
  // Google
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

/** The status that a provider's error code stands for. */
export function statusOfCodes(codes: readonly string[]): number | undefined {
  for (const code of codes) if (Object.hasOwn(statusByCode, code)) return statusByCode[code];
  return undefined;
}

/**
 * A status in a text that has no better source: "503 Service Unavailable", "HTTP 429", "status code: 502".
 * Other numbers are none: "host:443", "stream id 429", "after 500 ms".
 */
function statusInText(text: string): number | undefined {
  const match =
    /^(?:error:?\s+)?([45]\d\d)(?=\s+[a-z]|\s*$|:\s)/i.exec(text.trim()) ??
    /\b(?:https?(?:\/\d(?:\.\d)?)?(?: error)?|status(?: ?code)?|response code|error code)\s*[:=]?\s*([45]\d\d)\b(?![.:]\d)/i.exec(
      text,
    );
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

/** The proper name inside a sentence: articles lose their capital. */
function inSentence(provider: string): string {
  return provider.startsWith("The ") ? `the ${provider.slice(4)}` : provider;
}
