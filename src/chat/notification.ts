import { create } from "@bufbuild/protobuf";
import { type ChatNotification, ChatNotificationSchema } from "../gen/palaver/relay/v1/notification_pb.js";
import { type ChatRecord, statusToProto } from "../protocol/index.js";

/** What the bus carries about a commit: versions and ids, never content (BUS-2). */
export function notificationOf(chat: ChatRecord): ChatNotification {
  return create(ChatNotificationSchema, {
    chatId: chat.id,
    snapshotVersion: BigInt(chat.snapshotVersion),
    historyVersion: BigInt(chat.historyVersion),
    queueVersion: BigInt(chat.queueVersion),
    retryVersion: BigInt(chat.retryVersion),
    generationAttempt: chat.generationAttempt,
    status: { status: statusToProto(chat), workerId: chat.workerId ?? "" },
  });
}
