import { chatToProto } from "../protocol/index.js";
import { type Database, readChatChanges, readSnapshot } from "../store/index.js";
import type { ChatListReader } from "../stream/index.js";

/** What watches of a list read on behalf of its owner. */
export function chatListReader(database: Database, owner: string): ChatListReader {
  return {
    async readChanges(position, limit) {
      const { now, outdated, changes } = await readChatChanges(database, owner, position, limit);
      return {
        now,
        outdated,
        changes: changes.map(({ xid, chatId, chat }) => ({
          xid,
          chatId,
          chat: chat === undefined ? undefined : chatToProto(chat),
        })),
      };
    },
    readSnapshot: () => readSnapshot(database),
  };
}
