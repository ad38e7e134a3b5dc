import type { ChatError, RetryState, Role, StoredPart, Usage, Visibility } from "../protocol/index.js";

/** At most this many messages wait in a queue. */
export const maxQueueLength = 20;
/** All waiting messages together may take this many characters: clients get the whole queue in one event. */
export const maxQueueSize = 2 * 1024 * 1024;
/** At most this many attempts are made at one step; then the turn fails (RETRY-4). */
export const maxAttempts = 25;

/** All that the chat machine reads and writes of one chat that exists. Plain data: no clock, no connection. */
export interface ChatState {
  readonly phase: Phase;
  readonly archived: boolean;
  readonly versions: Versions;
  /** Attempts at the next step so far; 0 after every change of the history (CHAT-4). */
  readonly generationAttempt: number;
  /** How often the chat was acquired: the fencing token of the present owner. Never goes back. */
  readonly leaseEpoch: number;
  readonly lastMessageId: number;
  readonly lastQueueId: number;
  /** The model of the latest message, as "provider/model". */
  readonly model: string;
  readonly queue: readonly QueuedItem[];
  /** Tool calls in the history that have no result yet, in the model's order. Calls of provider-run tools are never here. */
  readonly openCalls: readonly OpenCall[];
  /** What the running attempt had produced when it was last written down. */
  readonly checkpoint: Partial | undefined;
  readonly compactionRequested: boolean;
}

/** What the chat is doing, with only what belongs to that. */
export type Phase =
  | { readonly status: "waiting" }
  | { readonly status: "error"; readonly error: ChatError }
  | { readonly status: "running"; readonly owner: Owner | undefined; readonly retry: RetryState | undefined }
  | { readonly status: "interrupting"; readonly owner: Owner | undefined }
  | { readonly status: "requires_action"; readonly deadline: string };

export interface Owner {
  /** The replica that runs the turn. */
  readonly workerId: string;
  /** Whether its heartbeat is younger than the lease. A dead owner is none. */
  readonly alive: boolean;
}

export interface Versions {
  /** Advances by one with every change (CHAT-2); the others are the snapshot version of their last change (CHAT-3). */
  readonly snapshot: number;
  readonly history: number;
  readonly queue: number;
  readonly retry: number;
  /** Title, labels, pinned, model, archived. */
  readonly metadata: number;
  /** The last rewrite of the history: whoever saw an older version has to forget all messages. 0: never. */
  readonly reset: number;
}

export interface UserMessage {
  readonly parts: readonly StoredPart[];
  readonly author: string;
  readonly model: string;
}

export interface QueuedItem extends UserMessage {
  readonly id: number;
  /** Orders the queue; not dense. */
  readonly position: number;
}

export interface OpenCall {
  readonly toolCallId: string;
  readonly toolName: string;
  readonly argsJson?: string | undefined;
  /** When a worker was about to run it: after a crash its outcome is unknown. */
  readonly startedAt?: string | undefined;
}

/** What an unfinished step has produced: an assistant message, or results of a tool batch. */
export interface Partial {
  readonly role: "assistant" | "tool";
  readonly parts: readonly StoredPart[];
  readonly model?: string | undefined;
  readonly usage?: Usage | undefined;
}

/** A message of a step, as the worker hands it in. */
export interface StepMessage {
  readonly role: Role;
  readonly parts: readonly StoredPart[];
  readonly model?: string | undefined;
  readonly usage?: Usage | undefined;
  readonly visibility?: Visibility | undefined;
}

/** A row that the transition adds to the history. */
export interface NewMessage {
  readonly id: number;
  readonly role: Role;
  readonly parts: readonly StoredPart[];
  readonly visibility: Visibility;
  readonly interrupted: boolean;
  readonly model: string | undefined;
  readonly author: string | undefined;
  readonly usage: Usage | undefined;
}

/** Names the worker and the lease under which it writes. A write under an older lease is refused as STALE. */
export interface Fence {
  readonly workerId: string;
  readonly leaseEpoch: number;
}

/** Names the attempt a write of a step belongs to; anything else is STALE. */
export interface AttemptRef {
  readonly historyVersion: number;
  readonly generationAttempt: number;
}
