import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { ChatNotification } from "../gen/palaver/relay/v1/notification_pb.js";

/** A worker is wanted where a turn is to run or to be interrupted and nobody owns it. */
export function mayBeRunnable(notification: ChatNotification): boolean {
  const status = notification.status?.status;
  const unowned = (notification.status?.workerId ?? "") === "";
  return unowned && (status === ChatStatus.PENDING || status === ChatStatus.INTERRUPTING);
}
