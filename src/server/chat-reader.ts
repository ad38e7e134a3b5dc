import type { RecentChanges, RecentCommits } from "../chat/index.js";
import { type ChatRecord, chatToProto, messageToProto, queuedToProto } from "../protocol/index.js";
import { type ChatViewRecord, type Database, type Owner, readChatView } from "../store/index.js";
import {
  type ChatReader,
  type ChatView,
  compareEpisodes,
  deltaEvent,
  type ReadViewOptions,
  SharedReads,
} from "../stream/index.js";

/**
 * What subscriptions read, each on behalf of an owner. What this replica has just committed itself need not be read back. Those who ask for
 * the same at the same time, such as all who watch a chat that has just changed, or who come back to it together, share one statement and
 * what is made of its rows: nobody changes that.
 */
export function chatReaders(database: Database, commits?: RecentCommits): (owner: Owner) => ChatReader {
  const reads = new SharedReads<ChatView | undefined>();
  const views = new WeakMap<RecentChanges, ChatView>();
  const recentView = (owner: Owner, chatId: string, options: ReadViewOptions): ChatView | undefined => {
    const { sinceVersion, afterMessageId, withCheckpoint, atLeast } = options;
    if (sinceVersion === 0 || withCheckpoint) return undefined;
    const changes = commits?.since(chatId, owner, sinceVersion);
    if (changes === undefined || !shows(changes.chat, atLeast)) return undefined;
    if (changes.messages.some(({ id }) => id <= afterMessageId)) return undefined;
    const view = views.get(changes) ?? viewOf({ ...changes, ...nothingElse });
    views.set(changes, view);
    return view;
  };
  return (owner) => ({
    readView: async (chatId, options) =>
      recentView(owner, chatId, options) ??
      reads.read(keyOf(owner, chatId, options), () => readView(database, owner, chatId, options)),
  });
}

const nothingElse = { more: false, reset: false, queue: [], checkpoint: [] };

function shows(chat: ChatRecord, { version, episode }: ReadViewOptions["atLeast"]): boolean {
  return chat.snapshotVersion >= version && (episode === undefined || compareEpisodes(chat, episode) >= 0);
}

async function readView(
  database: Database,
  owner: Owner,
  chatId: string,
  options: ReadViewOptions,
): Promise<ChatView | undefined> {
  const view = await readChatView(database, chatId, owner, options);
  return view && viewOf(view);
}

function viewOf(view: ChatViewRecord): ChatView {
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
