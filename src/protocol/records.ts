import type { ChatError, RetryState } from "./chat-error.js";
import type { Role, StoredPart, Usage, Visibility } from "./stored-part.js";

/** A chat as it is stored, in our own types: what the store reads and `to-proto.ts` shows to clients. */
export interface ChatRecord {
  readonly id: string;
  readonly owner: string;
  readonly title: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly archived: boolean;
  readonly pinned: boolean;
  readonly model: string;
  readonly status: "running" | "interrupting" | "requires_action" | "waiting" | "error";
  /** The replica that runs the turn, dead or alive; undefined when nobody does. */
  readonly workerId: string | undefined;
  readonly error: ChatError | undefined;
  readonly retry: RetryState | undefined;
  readonly actionDeadline: Date | undefined;
  readonly openCalls: readonly { toolCallId: string; toolName: string; argsJson?: string | undefined }[];
  readonly snapshotVersion: number;
  readonly historyVersion: number;
  readonly queueVersion: number;
  readonly retryVersion: number;
  readonly metadataVersion: number;
  readonly resetVersion: number;
  readonly generationAttempt: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A row of the history. */
export interface MessageRecord {
  readonly id: number;
  readonly revision: number;
  /** As it is stored: with the content error "unsupported_role" it is one that is newer than this program. */
  readonly role: Role;
  readonly parts: readonly StoredPart[];
  readonly visibility: Visibility;
  readonly interrupted: boolean;
  readonly model: string | undefined;
  readonly author: string | undefined;
  readonly usage: Usage | undefined;
  readonly createdAt: Date;
  /** Why the stored content could not be read; parts are then empty. */
  readonly contentError: string | undefined;
}

/** A user message that waits. */
export interface QueuedRecord {
  readonly id: number;
  readonly parts: readonly StoredPart[];
  readonly model: string;
  readonly author: string;
  readonly createdAt: Date;
}
