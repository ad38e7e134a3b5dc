import { create } from "@bufbuild/protobuf";
import type { Chat, ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import { type StreamEvent, StreamEventSchema } from "../gen/palaver/chat/v1/event_pb.js";
import type { Message, QueuedMessage } from "../gen/palaver/chat/v1/message_pb.js";
import type { EpisodeId } from "./episode.js";
import type { MergedDelta } from "./episode-log.js";

/** Events without fields are the same for everybody: nobody changes them. */
export const previewReset: StreamEvent = create(StreamEventSchema, {
  event: { case: "previewReset", value: {} },
});
export const historyReset: StreamEvent = create(StreamEventSchema, {
  event: { case: "historyReset", value: {} },
});
export const caughtUp: StreamEvent = create(StreamEventSchema, { event: { case: "caughtUp", value: {} } });
export const keepalive: StreamEvent = create(StreamEventSchema, { event: { case: "keepalive", value: {} } });

/** The same for everybody, too. */
export function statusEvent(status: ChatStatus): StreamEvent {
  const known = statusEvents.get(status);
  if (known !== undefined) return known;
  const event = create(StreamEventSchema, { event: { case: "status", value: { status } } });
  statusEvents.set(status, event);
  return event;
}

const statusEvents = new Map<ChatStatus, StreamEvent>();

/** Deltas of the attempt that the chat is at, as they were stored. */
export function deltaEvent(
  { historyVersion, generationAttempt }: EpisodeId,
  { firstSeq, seq, role, block, part }: MergedDelta,
): StreamEvent {
  const episode = { historyVersion: BigInt(historyVersion), generationAttempt };
  const value = { episode, firstSeq: BigInt(firstSeq), seq: BigInt(seq), role, block, part };
  return create(StreamEventSchema, { event: { case: "messagePart", value } });
}

export function messageEvent(message: Message): StreamEvent {
  return create(StreamEventSchema, { event: { case: "message", value: { message } } });
}

export function queueUpdateEvent(queue: readonly QueuedMessage[]): StreamEvent {
  return create(StreamEventSchema, { event: { case: "queueUpdate", value: { queue: [...queue] } } });
}

export function chatUpdateEvent(chat: Chat): StreamEvent {
  return create(StreamEventSchema, { event: { case: "chatUpdate", value: { chat } } });
}

export function errorEvent({ error }: Chat): StreamEvent[] {
  return error === undefined
    ? []
    : [create(StreamEventSchema, { event: { case: "error", value: { error } } })];
}

export function retryEvent({ retry }: Chat): StreamEvent[] {
  return retry === undefined
    ? []
    : [create(StreamEventSchema, { event: { case: "retry", value: { retry } } })];
}

export function actionRequiredEvent({ actionRequired }: Chat): StreamEvent[] {
  return actionRequired === undefined
    ? []
    : [create(StreamEventSchema, { event: { case: "actionRequired", value: { actionRequired } } })];
}
