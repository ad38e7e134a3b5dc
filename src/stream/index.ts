export type { ChatReader, ChatView, ReadViewOptions } from "./chat-view.js";
export {
  type Delta,
  DeltaLog,
  type EpisodeLog,
  type EpisodeLogState,
  type EpisodeOutcome,
  type EpisodeSource,
  type EpisodeWriter,
} from "./delta-log.js";
export type { EpisodeId } from "./episode.js";
export {
  type ChangeHints,
  type StreamBatch,
  subscribe,
  type SubscribeOptions,
  type SubscriptionDeps,
} from "./subscription.js";
