import type { ChatError, CheckpointChunk, RetryState, Role, ToolResultPart } from "../protocol/index.js";
import type { AttemptRef, Fence, Partial, StepMessage, UserMessage } from "./chat-state.js";

/** What clients ask for. */
export type ClientInput =
  | { readonly type: "Send"; readonly message: UserMessage; readonly whenBusy: WhenBusy }
  | {
      readonly type: "Edit";
      readonly messageId: number;
      /** The role of that message, if it exists and is not hidden. Read in the same transaction. */
      readonly targetRole: Role | undefined;
      readonly message: UserMessage;
    }
  | { readonly type: "Interrupt" }
  | { readonly type: "SubmitToolResults"; readonly results: readonly ToolResultPart[] }
  | { readonly type: "DeleteQueued"; readonly queueId: number }
  | { readonly type: "PromoteQueued"; readonly queueId: number }
  | {
      readonly type: "Compact";
      /** Whether the history holds anything to summarise. Read in the same transaction. */
      readonly possible: boolean;
    }
  | { readonly type: "UpdateMetadata"; readonly model?: string | undefined }
  | { readonly type: "Archive" }
  | { readonly type: "Unarchive" }
  | { readonly type: "Delete" };

export type WhenBusy = "queue" | "interrupt" | "reject";

/** What workers ask for. All but Acquire and ExpireAction name the lease; those of a step also name the attempt. */
export type WorkerInput =
  | { readonly type: "Acquire"; readonly workerId: string }
  | { readonly type: "Release"; readonly fence: Fence }
  | { readonly type: "BeginAttempt"; readonly fence: Fence; readonly attempt: AttemptRef }
  | {
      readonly type: "RecordRetry";
      readonly fence: Fence;
      readonly attempt: AttemptRef;
      readonly retry: RetryState;
    }
  | {
      readonly type: "Checkpoint";
      readonly fence: Fence;
      readonly attempt: AttemptRef;
      readonly partial: Partial;
      /** All that clients were shown of it, for those who look before the next attempt. Not part of the chat's state. */
      readonly shown?: CheckpointChunk | undefined;
    }
  | {
      readonly type: "StartCalls";
      readonly fence: Fence;
      readonly attempt: AttemptRef;
      readonly toolCallIds: readonly string[];
      readonly startedAt: string;
    }
  | {
      readonly type: "CommitStep";
      readonly fence: Fence;
      readonly attempt: AttemptRef;
      readonly messages: readonly StepMessage[];
    }
  | { readonly type: "RequireAction"; readonly fence: Fence; readonly deadline: string }
  | { readonly type: "FinishTurn"; readonly fence: Fence; readonly historyVersion: number }
  | { readonly type: "Fail"; readonly fence: Fence; readonly attempt: AttemptRef; readonly error: ChatError }
  | { readonly type: "FinishInterrupt"; readonly fence: Fence; readonly partial: Partial | undefined }
  | { readonly type: "ExpireAction" };

export type TransitionInput = ClientInput | WorkerInput;
