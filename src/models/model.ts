import type { ChatErrorKind, ProviderMetadata, Role, StoredPart, Usage } from "../protocol/index.js";

/**
 * Language models behind one interface, whatever the provider. Only this room knows the providers' packages; everyone else sees
 * histories of stored parts go in and {@link ModelEvent}s come out.
 */
export interface Model {
  /** The provider's name as in model ids and errors, for example "anthropic". */
  readonly provider: string;
  /** "provider/model": what chats and messages store. */
  readonly id: string;
  /**
   * One model call. Yields events in the model's order; the last one is `finish`.
   *
   * Throws {@link ModelError} for every failure, also for a stream that ends before its terminal event (RETRY-9).
   * After `signal` aborts it ends promptly: by throwing anything, or by just ending. Callers look at the signal first.
   */
  stream(request: ModelRequest, options: { signal: AbortSignal }): AsyncIterable<ModelEvent>;
}

export interface ModelRequest {
  /** The committed history, oldest first, only what the model may see. System messages included. */
  readonly history: readonly HistoryMessage[];
  /** Tools that the model may call. Order does not matter: they are sorted by name. */
  readonly tools: readonly ToolDeclaration[];
  /** The files that the history names, by id. One that is not in here has expired: the model is told so. */
  readonly files: ReadonlyMap<
    string,
    { readonly mediaType: string; readonly name: string; readonly data: Uint8Array }
  >;
}

export interface HistoryMessage {
  readonly role: Role;
  readonly parts: readonly StoredPart[];
  /** "provider/model" that generated an assistant message; decides whether its provider metadata may be sent back. */
  readonly model?: string | undefined;
}

export interface ToolDeclaration {
  readonly name: string;
  readonly description: string;
  /** A JSON Schema (draft 7) object: the type of the arguments. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

/**
 * What a model says, as it says it. `block` names a text or reasoning block inside this call; blocks may interleave.
 * Text may end inside a surrogate pair: callers that need whole code points join it with what follows.
 */
export type ModelEvent =
  | {
      readonly type: "text";
      readonly block: string;
      readonly delta: string;
      readonly metadata?: ProviderMetadata | undefined;
    }
  | {
      readonly type: "reasoning";
      readonly block: string;
      readonly delta: string;
      readonly metadata?: ProviderMetadata | undefined;
    }
  | { readonly type: "block-end"; readonly block: string; readonly metadata?: ProviderMetadata | undefined }
  | {
      readonly type: "tool-input";
      readonly toolCallId: string;
      readonly toolName: string;
      readonly delta: string;
      readonly providerExecuted: boolean;
    }
  | {
      readonly type: "tool-call";
      readonly toolCallId: string;
      readonly toolName: string;
      /** The complete arguments, verbatim JSON text; undefined when the model sent invalid JSON. */
      readonly argsJson: string | undefined;
      readonly providerExecuted: boolean;
      readonly metadata?: ProviderMetadata | undefined;
    }
  | {
      /** The result of a tool that the provider ran. */
      readonly type: "tool-result";
      readonly toolCallId: string;
      readonly toolName: string;
      readonly resultJson: string;
      readonly isError: boolean;
      readonly metadata?: ProviderMetadata | undefined;
    }
  | {
      readonly type: "file";
      readonly mediaType: string;
      readonly data: Uint8Array;
      readonly metadata?: ProviderMetadata | undefined;
    }
  | {
      readonly type: "source";
      readonly url: string;
      readonly sourceId?: string | undefined;
      readonly title?: string | undefined;
      readonly metadata?: ProviderMetadata | undefined;
    }
  | { readonly type: "finish"; readonly reason: FinishReason; readonly usage: ModelUsage };

export type FinishReason = "stop" | "length" | "content-filter" | "tool-calls" | "other";

/** Tokens as far as the provider told. */
export type ModelUsage = Omit<Usage, "runtime_ms">;

/** A failed model call, classified (ERR-3). `message` is for people; nothing in it is a secret. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly kind: ChatErrorKind;
  readonly provider: string;
  readonly retryable: boolean;
  readonly statusCode: number | undefined;
  /** The provider's own words, at most 500 code points. */
  readonly detail: string | undefined;
  /** The provider's Retry-After: a lower bound for the next attempt. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    fields: {
      kind: ChatErrorKind;
      provider: string;
      retryable: boolean;
      statusCode?: number | undefined;
      detail?: string | undefined;
      retryAfterMs?: number | undefined;
      cause?: unknown;
    },
  ) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.kind = fields.kind;
    this.provider = fields.provider;
    this.retryable = fields.retryable;
    this.statusCode = fields.statusCode;
    this.detail = fields.detail;
    this.retryAfterMs = fields.retryAfterMs;
  }
}

/** Finds the model for an id. */
export interface ModelRegistry {
  /** The id of the model that new chats use. */
  readonly defaultModelId: string;
  /** The model, or undefined when the provider is unknown or not configured. Does not call the provider. */
  resolve(modelId: string): Model | undefined;
  /** Why an id does not resolve, as a sentence that names the missing variable where it is that; empty when it does resolve. */
  whyNot(modelId: string): string;
  /** Ids or patterns ("openai/<model>") that resolve, for error messages and `palaver doctor`. */
  available(): readonly string[];
}
