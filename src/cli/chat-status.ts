import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";

/** Whether a chat waits for somebody to say something. */
export function isIdle(status: ChatStatus): boolean {
  return status === ChatStatus.WAITING || status === ChatStatus.ERROR;
}

/** A status in lower case, for people. */
export function statusName(status: ChatStatus): string {
  return ((ChatStatus as Partial<Record<ChatStatus, string>>)[status] ?? "unknown")
    .toLowerCase()
    .replaceAll("_", " ");
}
