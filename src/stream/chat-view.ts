import type { Chat } from "../gen/palaver/chat/v1/chat_pb.js";
import type { Message, QueuedMessage } from "../gen/palaver/chat/v1/message_pb.js";

/** What the database says about a chat, read in one cut. */
export interface ChatView {
  readonly chat: Chat;
  /** The snapshot version at which title, labels, pinned, model or archived last changed. */
  readonly metadataVersion: number;
  /**
   * Messages that clients may see, by id. Those with a revision greater than the `sinceVersion` of the read; if `reset`, all of them.
   */
  readonly messages: readonly Message[];
  /** The history was rewritten after `sinceVersion`: whoever holds older messages has to forget them. */
  readonly reset: boolean;
  readonly queue: readonly QueuedMessage[];
}

export interface ReadViewOptions {
  /** Only messages that were written after this snapshot version; 0 for all. */
  readonly sinceVersion: number;
  /** Only messages with a greater id; 0 for all. */
  readonly afterMessageId: number;
}

/** Where subscriptions read chats. */
export interface ChatReader {
  /** Undefined when the chat does not exist (any more). Access was checked before. */
  readView(chatId: string, options: ReadViewOptions): Promise<ChatView | undefined>;
}
