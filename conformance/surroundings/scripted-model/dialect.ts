import type { FinishReason, HttpError, ModelUsage } from "./script.js";

export type DialectName = "openai" | "anthropic";

/** One provider's way to be asked and to answer. */
export interface Dialect {
  readonly name: DialectName;
  /** What follows the base URL, with or without `/v1` before it. */
  readonly path: string;
  /** The texts of the newest message that a person wrote: results of tools are none. Empty when there is no such message. */
  newestUserTexts(body: RequestBody): readonly string[];
  /** For a response that is streamed. */
  stream(context: ResponseContext): StreamEncoder;
  /** The body of a response that is not streamed. */
  whole(context: ResponseContext, blocks: readonly WholeBlock[], end: ResponseEnd): object;
  errorBody(error: Pick<HttpError, "status" | "message" | "type">): object;
}

/** A request's JSON object. */
export type RequestBody = Readonly<Record<string, unknown>>;

export interface ResponseContext {
  /** Unique in the server: ids are made of it. */
  readonly serial: string;
  readonly body: RequestBody;
  /** What the response will have consumed: some dialects tell a part of it at the start. */
  readonly usage: ModelUsage;
}

/** A part of the message that is generated. */
export type Block = { readonly index: number } & (
  | { readonly kind: "text" }
  | { readonly kind: "reasoning"; readonly signature: string | undefined }
  | { readonly kind: "toolCall"; readonly id: string; readonly name: string; readonly callIndex: number }
);

export type WholeBlock = Block & { readonly content: string };

export interface ResponseEnd {
  readonly reason: FinishReason;
  readonly usage: ModelUsage;
}

/** Makes the text of a stream of server-sent events. */
export interface StreamEncoder {
  start(): string;
  open(block: Block): string;
  piece(block: Block, piece: string): string;
  close(block: Block): string;
  error(type: string, message: string): string;
  finish(end: ResponseEnd): string;
}

/** One server-sent event. */
export function serverSentEvent(data: object | string, event?: string): string {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${text}\n\n`;
}

/** The newest message of that role in `messages`, as far as it has texts, which `textsOf` finds in its content. */
export function newestTexts({ messages }: RequestBody, role: string, textType: string): readonly string[] {
  if (!Array.isArray(messages)) return [];
  for (const message of (messages as unknown[]).toReversed()) {
    if (!isObject(message) || message["role"] !== role) continue;
    const texts = textsOf(message["content"], textType);
    if (texts.length > 0) return texts;
  }
  return [];
}

function textsOf(content: unknown, textType: string): readonly string[] {
  if (typeof content === "string") return [content];
  if (!Array.isArray(content)) return [];
  return (content as unknown[]).flatMap((part) =>
    isObject(part) && part["type"] === textType && typeof part["text"] === "string" ? [part["text"]] : [],
  );
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
