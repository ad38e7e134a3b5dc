/** One thing that the model says or does in a response, in order. Made with the functions below. */
export type Step =
  | ContentStep
  | { readonly kind: "interleaved"; readonly steps: readonly ContentStep[] }
  | GateStep
  | { readonly kind: "httpError"; readonly error: HttpError }
  | { readonly kind: "streamError"; readonly type: string; readonly message: string }
  | { readonly kind: "malformed"; readonly raw: string }
  | { readonly kind: "reset" }
  | { readonly kind: "stall" }
  | { readonly kind: "silentEnd" }
  | { readonly kind: "finish"; readonly reason: FinishReason; readonly usage: ModelUsage };

/** What becomes a block of the message. */
export type ContentStep =
  | { readonly kind: "text"; readonly pieces: readonly string[] }
  | {
      readonly kind: "reasoning";
      readonly pieces: readonly string[];
      /** What Anthropic wants back unchanged in later prompts; OpenAI's dialect has none. */
      readonly signature: string | undefined;
    }
  | {
      readonly kind: "toolCall";
      readonly name: string;
      readonly id: string | undefined;
      /** Fragments of the arguments' JSON text, with the gates that stand between them. */
      readonly pieces: readonly (string | GateStep)[];
    };

export interface GateStep {
  readonly kind: "gate";
  readonly name: string;
}

export interface HttpError {
  readonly status: number;
  readonly message: string;
  /** In the provider's words, for example `rate_limit_error`; else the usual one for the status. */
  readonly type: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export type FinishReason = "stop" | "length" | "tool_calls" | "refusal";

/** In tokens, as the provider counts: `cachedInput` is part of `input`, `reasoning` of `output`. */
export interface ModelUsage {
  readonly input: number;
  readonly output: number;
  readonly cachedInput?: number | undefined;
  readonly reasoning?: number | undefined;
}

/** What the model answers to one call. */
export interface ModelResponse {
  readonly steps: readonly Step[];
  /**
   * Cuts the bytes of the stream into pieces of these sizes, used in turn, each an HTTP chunk of its own: also in the middle of events
   * and of code points. Default: a chunk for each event.
   */
  readonly chunkBytes?: readonly number[] | undefined;
}

/** How a text is cut into fragments. Default: one fragment. */
export interface Cut {
  /** Code points in each fragment. */
  readonly codePoints?: number;
  /** UTF-16 units in each fragment: 1 cuts an astral character into two fragments, each of which has half of it. */
  readonly units?: number;
  /** The very fragments. */
  readonly pieces?: readonly string[];
}

export function text(content: string, cut: Cut = {}): Step & { kind: "text" } {
  return { kind: "text", pieces: cutText(content, cut) };
}

/** Reasoning, as far as the dialect can show it: as `reasoning_content` in OpenAI's, which is how other servers extend it. */
export function reasoning(
  content: string,
  { signature, ...cut }: Cut & { readonly signature?: string } = {},
): Step & { kind: "reasoning" } {
  return { kind: "reasoning", pieces: cutText(content, cut), signature };
}

/**
 * A tool call. `args` is a value; or raw JSON text, which may be broken; or fragments of such text, with gates between them. Without an id
 * the call gets one that is unique in the server.
 */
export function toolCall(
  name: string,
  args: Readonly<Record<string, unknown>> | string | readonly (string | GateStep)[],
  { id, ...cut }: Cut & { readonly id?: string } = {},
): Step & { kind: "toolCall" } {
  const pieces = isFragments(args)
    ? args
    : cutText(typeof args === "string" ? args : JSON.stringify(args), cut);
  return { kind: "toolCall", name, id, pieces };
}

/** Several blocks at once: a fragment of the first, a fragment of the second, and so on, until each has ended. */
export function interleaved(...steps: readonly ContentStep[]): Step {
  return { kind: "interleaved", steps };
}

/** Waits, with everything before it sent, until the gate is opened. One that was opened stays open. */
export function gate(name: string): GateStep {
  return { kind: "gate", name };
}

/**
 * An HTTP error. Only before anything was streamed: once it was, the status has been sent, and the response ends as with
 * {@link streamError}.
 */
export function httpError(
  status: number,
  message: string,
  options: { readonly type?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Step {
  return {
    kind: "httpError",
    error: { status, message, type: options.type, headers: options.headers ?? {} },
  };
}

/** An error inside the stream, which it ends; `type` in the provider's words, for example `overloaded_error`. */
export function streamError(type: string, message: string): Step {
  return { kind: "streamError", type, message };
}

/** Raw bytes in the stream, which goes on after them; by default an event that is no JSON. */
export function malformed(raw = "data: {not json\n\n"): Step {
  return { kind: "malformed", raw };
}

/** Resets the connection, as a crash of the provider would: what was just sent may be lost with it. */
export function reset(): Step {
  return { kind: "reset" };
}

/** Says nothing more, and keeps the connection open until the caller leaves. */
export function stall(): Step {
  return { kind: "stall" };
}

/** Ends the stream as HTTP ends it, without the event that says how the model ended. */
export function silentEnd(): Step {
  return { kind: "silentEnd" };
}

/** How the model ends. A response without it ends for the tools that it called, or else by itself. */
export function finish(reason: FinishReason, usage: ModelUsage = defaultUsage): Step {
  return { kind: "finish", reason, usage };
}

export const defaultUsage: ModelUsage = { input: 10, output: 5 };

function isFragments(args: unknown): args is readonly (string | GateStep)[] {
  return Array.isArray(args);
}

function cutText(content: string, { codePoints, units, pieces }: Cut): readonly string[] {
  if (pieces !== undefined) return pieces;
  if (units !== undefined) return grouped(content.split(""), units);
  return codePoints === undefined ? [content] : grouped([...content], codePoints);
}

function grouped(items: readonly string[], size: number): readonly string[] {
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`a fragment has at least one unit, not ${size}`);
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size).join(""),
  );
}
