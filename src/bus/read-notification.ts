import { fromBinary } from "@bufbuild/protobuf";
import { type ChatNotification, ChatNotificationSchema } from "../gen/palaver/relay/v1/notification_pb.js";

/** No notification of any version comes near it: versions and ids. */
const maxBytes = 4_096;

/**
 * What came in on the subject of a chat; undefined when it is none of ours: too large, not to be read, or about another chat. Unknown
 * fields, and the absence of newer ones, are tolerated (BUS-7).
 */
export function readNotification(chatId: string, bytes: Uint8Array): ChatNotification | undefined {
  if (bytes.length > maxBytes) return undefined;
  try {
    const notification = fromBinary(ChatNotificationSchema, bytes);
    return notification.chatId === chatId ? notification : undefined;
  } catch {
    return undefined;
  }
}
