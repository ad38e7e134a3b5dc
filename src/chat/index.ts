export type { Applied } from "./apply-transition.js";
export type {
  AttemptRef,
  ChatState,
  Fence,
  OpenCall,
  Partial,
  QueuedItem,
  StepMessage,
  UserMessage,
} from "./chat-state.js";
export { maxAttempts } from "./chat-state.js";
export { Chats, type NewChat, type WorkerRefusal } from "./chats.js";
export type { ClientRequest } from "./client-request.js";
export type { Idempotency } from "./idempotency.js";
export type { ImportControl, ImportedChat } from "./import-chat.js";
export { fileIdsOf } from "./message-files.js";
export { notificationOf } from "./notification.js";
export { chatNotFound } from "./refusal-error.js";
export { type RecentChanges, RecentCommits } from "./recent-commits.js";
export type { Acquired, Place, ReservePlace } from "./taking.js";
export { titleFrom } from "./title.js";
export type { ClientInput, WhenBusy, WorkerInput } from "./transition-input.js";
export type { Refusal } from "./transition-table.js";
