import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { ChatView } from "./chat-view.js";
import { compareEpisodes } from "./episode.js";
import {
  actionRequiredEvent,
  chatUpdateEvent,
  errorEvent,
  historyReset,
  messageEvent,
  previewReset,
  queueUpdateEvent,
  retryEvent,
  statusEvent,
} from "./stream-event.js";
import { isIdle, type Told, toldOf } from "./told.js";

/**
 * The present state of a chat, for a subscriber that knows nothing (STREAM-2): status, messages, queue, then error, retry or action
 * where they apply. The queue is sent even when it is empty, so that the state of a client is complete.
 */
export function snapshotEvents({ chat, messages, queue }: ChatView): StreamEvent[] {
  return [
    statusEvent(chat.status),
    ...messages.map(messageEvent),
    queueUpdateEvent(queue),
    ...errorEvent(chat),
    ...retryEvent(chat),
    ...actionRequiredEvent(chat),
  ];
}

/**
 * What a view tells beyond `told`, in an order that keeps cause before effect: an idle status follows the messages of its turn
 * (STREAM-10) and the error that explains it.
 *
 * A `retry` that was announced is not taken back by an event of its own: it is over with the next delta, preview reset or status.
 */
export function changeEvents(
  told: Told,
  view: ChatView,
  options: { readonly resetPreview: boolean },
): StreamEvent[] {
  const now = toldOf(view);
  const { chat } = view;
  const turnPassed = isIdle(now) && now.status === told.status && compareEpisodes(now, told) !== 0;
  // A new attempt of a step, even if nothing of the attempt before was shown (STREAM-9).
  const newAttempt = now.generationAttempt > 1 && compareEpisodes(now, told) !== 0;
  const entered = turnPassed || now.status !== told.status;
  return [
    ...(options.resetPreview ? [previewReset] : []),
    ...(view.reset ? [historyReset] : []),
    // A whole turn passed between two reads. Its end can only be told if the status was another in between, as it was.
    ...(turnPassed ? [statusEvent(ChatStatus.RUNNING)] : []),
    ...view.messages.map(messageEvent),
    ...(now.queueVersion > told.queueVersion ? [queueUpdateEvent(view.queue)] : []),
    ...(now.metadataVersion > told.metadataVersion ? [chatUpdateEvent(chat)] : []),
    ...(newAttempt && !options.resetPreview ? [previewReset] : []),
    ...(entered ? errorEvent(chat) : []),
    ...(now.retryVersion > told.retryVersion ? retryEvent(chat) : []),
    ...(entered ? actionRequiredEvent(chat) : []),
    ...(entered ? [statusEvent(chat.status)] : []),
  ];
}
