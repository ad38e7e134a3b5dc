/**
 * What the provider test server is told to say. Steps are plain data, so that they can cross over to its process; the functions below make them.
 *
 * Text steps next to each other (also with gates between them) continue the same block, reasoning steps too. A response that does not end
 * with a terminal step (finish, eof, reset, stall, an error) finishes by itself: with "tool-calls" if there were any, else with "stop".
 */
export type ProviderStep =
  | { readonly kind: "text"; readonly text: string; readonly chunk?: number | undefined }
  | {
      readonly kind: "reasoning";
      readonly text: string;
      readonly chunk?: number | undefined;
      readonly signature?: string | undefined;
      readonly redacted?: string | undefined;
    }
  | {
      readonly kind: "toolCall";
      readonly name: string;
      readonly argsJson: string;
      readonly id?: string | undefined;
      readonly chunk?: number | undefined;
      readonly gate?: string | undefined;
      readonly signature?: string | undefined;
    }
  | {
      readonly kind: "webSearch";
      readonly query: string;
      readonly results: readonly WebSearchResult[];
      readonly id?: string | undefined;
    }
  | { readonly kind: "gate"; readonly name: string }
  | {
      readonly kind: "httpError";
      readonly status: number;
      readonly message: string;
      readonly code?: string | undefined;
      readonly headers?: Readonly<Record<string, string>> | undefined;
      readonly body?: string | undefined;
    }
  | { readonly kind: "streamError"; readonly message: string; readonly code: string }
  | { readonly kind: "malformed"; readonly raw: string }
  | { readonly kind: "reset" }
  | { readonly kind: "stall" }
  | { readonly kind: "eof" }
  | { readonly kind: "finish"; readonly reason: ScriptedFinish; readonly usage?: ScriptedUsage | undefined };

export type ScriptedFinish = "stop" | "length" | "content-filter" | "tool-calls";

/** As the provider counts: `input` is everything in the prompt, `cacheRead` and `cacheWrite` are parts of it; `reasoning` is part of `output`. */
export interface ScriptedUsage {
  readonly input: number;
  readonly output: number;
  readonly reasoning?: number | undefined;
  readonly cacheRead?: number | undefined;
  readonly cacheWrite?: number | undefined;
}

export interface WebSearchResult {
  readonly url: string;
  readonly title: string;
  readonly encryptedContent: string;
}

/** One response: its steps, and into pieces of how many bytes its stream is cut (the numbers are used in turn; default: an event a piece). */
export interface ProviderResponse {
  readonly steps: readonly ProviderStep[];
  readonly chunkBytes?: readonly number[] | undefined;
}

/** Text; `chunk` code points a delta, by default all at once. */
export const text = (content: string, options: { chunk?: number } = {}): ProviderStep => ({
  kind: "text",
  text: content,
  ...options,
});

/**
 * Reasoning. `signature` is what the provider wants back: Anthropic's signature, OpenAI's encrypted content (sent only if asked for, as the real
 * one does), Google's thought signature (which comes with the part after it). `redacted` (Anthropic) stands instead of text.
 */
export const reasoning = (
  content: string,
  options: { chunk?: number; signature?: string; redacted?: string } = {},
): ProviderStep => ({
  kind: "reasoning",
  text: content,
  ...options,
});

/**
 * A tool call. `args` is a value or, as a string, raw JSON text (which may be broken). Arguments stream in `chunk`s of code points; `gate` waits
 * when half of them are out (Google sends whole calls: there it waits before the call).
 */
export const toolCall = (
  name: string,
  args: Readonly<Record<string, unknown>> | string,
  options: { id?: string; chunk?: number; gate?: string; signature?: string } = {},
): ProviderStep => ({
  kind: "toolCall",
  name,
  argsJson: typeof args === "string" ? args : JSON.stringify(args),
  ...options,
});

/**
 * A web search that the provider runs itself: call and result. Anthropic sends each result with its encrypted content, Google signs call and
 * result with that of the first one, OpenAI tells only what was searched for and which pages it found. Chat Completions has none.
 */
export const webSearch = (
  query: string,
  results: readonly WebSearchResult[],
  options: { id?: string } = {},
): ProviderStep => ({
  kind: "webSearch",
  query,
  results,
  ...options,
});

/** Waits until the test opens the gate; see `ScriptedModelHandle.reached` and `open`. A gate once open stays open. */
export const gate = (name: string): ProviderStep => ({ kind: "gate", name });

/** An HTTP error instead of a stream. `body` replaces the dialect's usual one. Only before anything is streamed. */
export const httpError = (
  status: number,
  message: string,
  options: { code?: string; headers?: Record<string, string>; body?: string } = {},
): ProviderStep => ({ kind: "httpError", status, message, ...options });

/** An error event inside the stream; `code` in the provider's words, for example "overloaded_error", "server_error", "UNAVAILABLE". */
export const streamError = (code: string, message: string): ProviderStep => ({
  kind: "streamError",
  code,
  message,
});

/** Raw bytes in the middle of the stream; by default an event that is no JSON. */
export const malformed = (raw = "data: {not json\n\n"): ProviderStep => ({ kind: "malformed", raw });

/** Resets the connection (TCP RST). */
export const reset = (): ProviderStep => ({ kind: "reset" });

/** Says nothing more and keeps the connection open until the client leaves. */
export const stall = (): ProviderStep => ({ kind: "stall" });

/** Ends the stream cleanly, but without its terminal event. */
export const eof = (): ProviderStep => ({ kind: "eof" });

export const finish = (reason: ScriptedFinish, usage?: ScriptedUsage): ProviderStep => ({
  kind: "finish",
  reason,
  usage,
});
