import type { ChatListEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { ChatsClient } from "./palaver-client.js";
import { resume, type ResumeOptions } from "./resume.js";
import type { SubscriptionItem } from "./subscription-item.js";

export interface WatchChatsOptions extends ResumeOptions {
  /** Without a cursor: only what changes from now on. */
  readonly updatesOnly?: boolean | undefined;
}

/** What {@link watchChats} gives. */
export type ChatListItem = SubscriptionItem<ChatListEvent>;

/**
 * Follows the caller's list of chats, as {@link subscribe} follows one chat.
 *
 * @throws ConnectError when the server has ended the subscription for good
 */
export function watchChats(
  { chats }: ChatsClient,
  { updatesOnly = false, ...options }: WatchChatsOptions = {},
): AsyncGenerator<ChatListItem, void, undefined> {
  return resume<ChatListEvent>(
    {
      open: (cursor, signal) => chats.watchChats(cursor === "" ? { updatesOnly } : { cursor }, { signal }),
    },
    options,
  );
}
