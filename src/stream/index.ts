export type { ChatReader, ChatView, ReadViewOptions } from "./chat-view.js";
export { decodeCursor } from "./cursor.js";
export { DeltaLog, type EpisodeSource } from "./delta-log.js";
export type { Delta } from "./delta-run.js";
export type {
  EpisodeLog,
  EpisodeLogState,
  EpisodeOutcome,
  EpisodeSuffix,
  EpisodeWriter,
  MergedDelta,
} from "./episode-log.js";
export { compareEpisodes, type EpisodeId } from "./episode.js";
export { approximateSize } from "./event-size.js";
export { splitPart } from "./fragment.js";
export { SharedReads } from "./shared-reads.js";
export { deltaEvent } from "./stream-event.js";
export type { StreamPosition } from "./stream-state.js";
export type { StreamBatch } from "./stream-batch.js";
export {
  type ChangeHints,
  Subscription,
  type SubscriptionDeps,
} from "./subscription.js";
export {
  type ChatListBatch,
  type ChatListPage,
  type ChatListReader,
  type OwnerHints,
  watchChats,
  type WatchChatsDeps,
  type WatchChatsOptions,
} from "./watch-chats.js";
