import type { IncomingHttpHeaders } from "node:http";
import type { DialectName, RequestBody } from "./dialect.js";

/** A call of the model, as the server got and answered it. It is filled in while it goes on. */
export interface ModelCall {
  /** Unique in this server. */
  readonly id: string;
  /** The script that answers it. */
  readonly script: string;
  /** Counts the calls that the script answers, from 0. */
  readonly index: number;
  /** By whose base URL it came: who makes the call owns the chat. */
  readonly replica: string;
  readonly dialect: DialectName;
  readonly headers: IncomingHttpHeaders;
  /** The whole request: prompt, tools, settings. */
  readonly body: RequestBody;
  /** The same as it came, where every byte counts. */
  readonly rawBody: string;
  readonly beganAtMs: number;
  /** What was sent of the message, in order. */
  readonly sent: readonly SentPiece[];
  /** Undefined while it goes on. */
  readonly end: ModelCallEnd | undefined;
  /** As soon as it has ended. */
  ended(options?: { readonly signal?: AbortSignal | undefined }): Promise<ModelCallEnd>;
}

/** A fragment that is with the operating system. */
export interface SentPiece {
  readonly atMs: number;
  readonly kind: "text" | "reasoning" | "arguments";
  readonly text: string;
}

export interface ModelCallEnd {
  readonly atMs: number;
  readonly how: HowCallEnded;
}

export type HowCallEnded =
  /** The script was played, with the word that the model has ended. */
  | "completed"
  /** By an HTTP error. */
  | "refused"
  /** By an error in the stream. */
  | "failed"
  /** By a reset or a silent end. */
  | "cut"
  /** The caller left before the script was played. */
  | "aborted"
  /** The server was closed. */
  | "closed";

/** A request that no script answers: it gets an HTTP error, and is no call. */
export interface StrayRequest {
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  readonly why: string;
  readonly rawBody: string;
}

/** What happens at the model, for a timeline. */
export type ModelEvent =
  | { readonly kind: "callBegan"; readonly atMs: number; readonly call: ModelCall }
  | { readonly kind: "sent"; readonly atMs: number; readonly call: ModelCall; readonly piece: SentPiece }
  | { readonly kind: "gateReached"; readonly atMs: number; readonly call: ModelCall; readonly gate: string }
  | { readonly kind: "gateOpened"; readonly atMs: number; readonly script: string; readonly gate: string }
  | {
      readonly kind: "callEnded";
      readonly atMs: number;
      readonly call: ModelCall;
      readonly end: ModelCallEnd;
    }
  | { readonly kind: "stray"; readonly atMs: number; readonly request: StrayRequest };
