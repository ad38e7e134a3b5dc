import { type ErrorCategory, PalaverError } from "../protocol/index.js";
import { type ChatState, maxQueueLength } from "./chat-state.js";
import { type Refusal, refusals, type TransitionName } from "./transition-table.js";

const categories: Partial<Record<Refusal, ErrorCategory>> = {
  QUEUE_FULL: "resource_exhausted",
  QUEUED_MESSAGE_NOT_FOUND: "not_found",
  MESSAGE_NOT_FOUND: "not_found",
  TOOL_RESULTS_MISMATCH: "invalid_argument",
};

/** A refusal as callers see it: what was asked, in which state, and why not. Nothing was changed. */
export function refusalError(refusal: Refusal, chat: ChatState, name: TransitionName): PalaverError {
  const description = refusals[refusal];
  return new PalaverError(categories[refusal] ?? "failed_precondition", refusal, `${name}: ${description}`, {
    metadata: {
      status: chat.phase.status,
      transition: name,
      ...(refusal === "QUEUE_FULL" ? { limit: String(maxQueueLength) } : {}),
    },
  });
}

/** Unknown, or somebody else's: the two are indistinguishable (ERR-5). */
export function chatNotFound(): PalaverError {
  return new PalaverError("not_found", "CHAT_NOT_FOUND", "There is no such chat.");
}
