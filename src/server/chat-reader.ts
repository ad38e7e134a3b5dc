import { chatToProto, messageToProto, queuedToProto } from "../protocol/index.js";
import { type Database, type Owner, readChatView } from "../store/index.js";
import {
  type ChatReader,
  type ChatView,
  deltaEvent,
  type ReadViewOptions,
  SharedReads,
} from "../stream/index.js";

/**
 * What subscriptions read, each on behalf of an owner. Those who ask for the same at the same time, such as all who watch a chat that has
 * just changed, or who come back to it together, share one statement and what is made of its rows: nobody changes that.
 */
export function chatReaders(database: Database): (owner: Owner) => ChatReader {
  const reads = new SharedReads<ChatView | undefined>();
  return (owner) => ({
    readView: (chatId, options) =>
      reads.read(keyOf(owner, chatId, options), () => readView(database, owner, chatId, options)),
  });
}

async function readView(
  database: Database,
  owner: Owner,
  chatId: string,
  options: ReadViewOptions,
): Promise<ChatView | undefined> {
  const view = await readChatView(database, chatId, owner, options);
  if (view === undefined) return undefined;
  return {
    chat: chatToProto(view.chat),
    metadataVersion: view.chat.metadataVersion,
    messages: view.messages.map(messageToProto),
    more: view.more,
    reset: view.reset,
    checkpoint: view.checkpoint.map((delta) => deltaEvent(view.chat, delta)),
    queue: view.queue.map(queuedToProto),
  };
}

/** Owners are part of it: nobody is answered with what somebody else may read. */
function keyOf(owner: Owner, chatId: string, options: ReadViewOptions): string {
  const { sinceVersion, afterMessageId, resetSinceVersion, withCheckpoint } = options;
  return JSON.stringify([
    owner ?? null,
    chatId,
    sinceVersion,
    afterMessageId,
    resetSinceVersion,
    withCheckpoint,
  ]);
}
