import type { Chat } from "../gen/palaver/chat/v1/chat_pb.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { Message, QueuedMessage } from "../gen/palaver/chat/v1/message_pb.js";
import type { EpisodeId } from "./episode.js";

/** What the database says about a chat, read in one cut. */
export interface ChatView {
  readonly chat: Chat;
  /** The snapshot version at which title, labels, pinned, model or archived last changed. */
  readonly metadataVersion: number;
  /** Messages that clients may see and that the reader does not have, by id; the first of them if there are many. */
  readonly messages: readonly Message[];
  /** There are others after them. */
  readonly more: boolean;
  /** The history was rewritten: whoever holds older messages has to forget them. `messages` begins with the first of all. */
  readonly reset: boolean;
  readonly queue: readonly QueuedMessage[];
  /**
   * What was stored of the attempt that the chat is at, if it was asked for: `message_part` events from seq 1 on, without a gap. What its
   * worker had shown until shortly before it died, or all, if it handed the chat over.
   */
  readonly checkpoint: readonly StreamEvent[];
}

export interface ReadViewOptions {
  /** Only messages that were written after this snapshot version; 0 for all. */
  readonly sinceVersion: number;
  /** Only messages with a greater id; 0 for all. */
  readonly afterMessageId: number;
  /** `reset` if the history was rewritten after this snapshot version; 0 for never. */
  readonly resetSinceVersion: number;
  readonly withCheckpoint: boolean;
  /** What was heard of and the view has to show: a snapshot version, and an attempt, if any. What the database says now always does. */
  readonly atLeast: { readonly version: number; readonly episode: EpisodeId | undefined };
}

/** Where subscriptions read chats. */
export interface ChatReader {
  /** Undefined when the chat does not exist (any more). Access was checked before. */
  readView(chatId: string, options: ReadViewOptions): Promise<ChatView | undefined>;
}
