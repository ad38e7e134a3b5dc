/**
 * The client of a Palaver server, for browsers and Node: typed calls, subscriptions that survive cuts, and the state of a chat as a pure
 * function of what they tell.
 */
export { reasonOf } from "./call-failure.js";
export { type ChatListView, createChatListView, reduceChatList } from "./chat-list-view.js";
export { type ChatView, createChatView, reduceChat } from "./chat-view.js";
export { followChat, type FollowOptions } from "./follow-chat.js";
export { type ChatsClient, createPalaverClient, type PalaverClient } from "./palaver-client.js";
export { type EpisodeId, OutOfSyncError, type Position } from "./position.js";
export type { RepeatOptions } from "./repeat-call.js";
export type { ResumeOptions } from "./resume.js";
export type { RunningStep, StepBlock } from "./running-step.js";
export type { ClientClock, ClientRandom } from "./runtime.js";
export { createChat, editMessage, sendMessage, textPart } from "./send.js";
export { type ChatItem, subscribe, type SubscribeOptions } from "./subscribe.js";
export type { Connection, ResetReason, SubscriptionItem } from "./subscription-item.js";
export { type ChatListItem, watchChats, type WatchChatsOptions } from "./watch-chats.js";

// The schema's types, enums and services.
export * from "../gen/palaver/chat/v1/chat_pb.js";
export * from "../gen/palaver/chat/v1/chat_service_pb.js";
export * from "../gen/palaver/chat/v1/error_pb.js";
export * from "../gen/palaver/chat/v1/event_pb.js";
export * from "../gen/palaver/chat/v1/file_service_pb.js";
export * from "../gen/palaver/chat/v1/import_service_pb.js";
export * from "../gen/palaver/chat/v1/message_pb.js";
