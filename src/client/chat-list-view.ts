import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Chat } from "../gen/palaver/chat/v1/chat_pb.js";
import type { Connection } from "./subscription-item.js";
import type { ChatListItem } from "./watch-chats.js";

/** A list of chats as a user sees it. Immutable: chats that have not changed are the same objects in the next one. */
export interface ChatListView {
  readonly connection: Connection;
  /** Everything that existed when the subscription began is in here. */
  readonly caughtUp: boolean;
  /** Pinned ones first, then by update time, newest first: the order of ListChats. */
  readonly chats: readonly Chat[];
  /** Where a later subscription goes on with this very view. */
  readonly cursor: string;
}

/** The list of which nothing has come yet. */
export function createChatListView(): ChatListView {
  return { connection: { state: "connecting" }, caughtUp: false, chats: [], cursor: "" };
}

/** The list after an item of {@link watchChats}. Pure. */
export function reduceChatList(view: ChatListView, item: ChatListItem): ChatListView {
  if (item.type === "connection") {
    const caughtUp = view.caughtUp && item.connection.state === "open";
    return { ...view, connection: item.connection, caughtUp };
  }
  const { events, cursor } = item;
  const known = new Map(view.chats.map((chat) => [chat.id, chat]));
  const chats = item.type === "reset" ? new Map<string, Chat>() : new Map(known);
  let caughtUp = item.type === "reset" ? false : view.caughtUp;
  /** Whether the list comes anew: then what comes counts, also if it is older, since the database may have been restored from a backup. */
  let anew = item.type === "reset";
  for (const { event } of events) {
    switch (event.case) {
      case "chatUpdate": {
        const { chat } = event.value;
        if (chat === undefined) break;
        chats.set(chat.id, anew ? sameOrOther(known.get(chat.id), chat) : newer(chats.get(chat.id), chat));
        break;
      }
      case "chatDelete":
        chats.delete(event.value.chatId);
        known.delete(event.value.chatId);
        break;
      case "listReset":
        chats.clear();
        anew = true;
        break;
      case "caughtUp":
        caughtUp = true;
        break;
      case "keepalive":
      case undefined: // An event that is newer than this program (COMPAT-2).
        break;
      default:
        event satisfies never;
    }
  }
  return { ...view, cursor, caughtUp, chats: sameOr(view.chats, [...chats.values()].sort(compareChats)) };
}

/** What is known of a chat if the other is of the same version and time, so that it keeps its identity. */
function sameOrOther(known: Chat | undefined, other: Chat): Chat {
  if (known === undefined || versionOf(known) !== versionOf(other)) return other;
  // After the restore of a backup versions are given again.
  return compareTimes(known.updateTime, other.updateTime) === 0 ? known : other;
}

/** What is known of a chat, unless the other is of a later version. */
function newer(known: Chat | undefined, other: Chat): Chat {
  return known !== undefined && versionOf(known) >= versionOf(other) ? known : other;
}

function versionOf({ versions }: Chat): bigint {
  return versions?.snapshotVersion ?? 0n;
}

function compareChats(a: Chat, b: Chat): number {
  if (a.pinned !== b.pinned) return a.pinned ? -1 : 1;
  return compareTimes(b.updateTime, a.updateTime) || (a.id < b.id ? -1 : 1);
}

function compareTimes(a: Timestamp | undefined, b: Timestamp | undefined): number {
  const seconds = (a?.seconds ?? 0n) - (b?.seconds ?? 0n);
  return seconds === 0n ? (a?.nanos ?? 0) - (b?.nanos ?? 0) : seconds < 0n ? -1 : 1;
}

function sameOr(before: readonly Chat[], after: readonly Chat[]): readonly Chat[] {
  return before.length === after.length && before.every((chat, index) => chat === after[index])
    ? before
    : after;
}
