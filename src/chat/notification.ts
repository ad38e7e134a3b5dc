import { create } from "@bufbuild/protobuf";
import { type ChatNotification, ChatNotificationSchema } from "../gen/palaver/relay/v1/notification_pb.js";
import { statusToProto } from "../protocol/index.js";
import type { ChatHead } from "../store/index.js";

/** What the bus carries about a chat after a commit, or as it was found: versions and ids, never content (BUS-2). */
export function notificationOf(chat: ChatHead): ChatNotification {
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
