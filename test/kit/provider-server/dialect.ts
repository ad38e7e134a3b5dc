import type { IncomingMessage } from "node:http";
import type { ScriptedFinish, ScriptedUsage, WebSearchResult } from "./script.js";

export type DialectName = "openai-responses" | "openai-chat" | "compatible" | "anthropic" | "google";

/** One provider's wire format. */
export interface Dialect {
  readonly name: DialectName;
  /** The model that a request asks for; undefined if the request is not in this dialect. */
  matches(request: IncomingMessage, body: unknown): string | undefined;
  encode(context: EncodeContext): ResponseEncoder;
  /** The body of an HTTP error. */
  errorBody(error: { status: number; message: string; code: string | undefined }): unknown;
}

export interface EncodeContext {
  readonly model: string;
  /** The request's JSON. */
  readonly body: Readonly<Record<string, unknown>>;
  /** What the response will report: some dialects tell the input at the start. */
  readonly usage: ScriptedUsage;
  /** Unique in this process; ids are made of it. */
  readonly serial: string;
}

export interface EncodedCall {
  readonly id: string;
  readonly name: string;
  readonly signature: string | undefined;
}

/** Makes the bytes of one response, as text. Blocks do not interleave: each is ended before the next begins. */
export interface ResponseEncoder {
  start(): string;
  text(delta: string): string;
  endText(): string;
  reasoning(delta: string): string;
  endReasoning(signature: string | undefined): string;
  redactedReasoning(data: string): string;
  startCall(call: EncodedCall): string;
  args(call: EncodedCall, delta: string): string;
  endCall(call: EncodedCall, argsJson: string): string;
  webSearch(call: { id: string; query: string; results: readonly WebSearchResult[] }): string;
  error(code: string, message: string): string;
  finish(reason: ScriptedFinish): string;
}

/** One server-sent event. */
export function sse(data: unknown, event?: string): string {
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
}

export function modelInBody(body: unknown): string | undefined {
  return typeof body === "object" && body !== null && "model" in body && typeof body.model === "string"
    ? body.model
    : undefined;
}
