import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { ChatView } from "./chat-view.js";
import { LastFew } from "../platform/index.js";
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
import { isIdle, isSameTold, type Told, toldOf } from "./told.js";

/** An event, and what has been told with it. Undefined where it makes sense only together with the next: both travel together. */
export interface Telling {
  readonly event: StreamEvent;
  readonly told: Told | undefined;
}

/**
 * What a view tells beyond `told`, in an order that keeps cause before effect: an idle status follows the messages of its turn
 * (STREAM-10) and the error that explains it. Told in pieces it is the same: whoever goes on from the `told` of one of these events
 * gets the others.
 *
 * Of a view that is not complete the messages alone are told. A snapshot (`told.opening`) sends the queue even when it is empty, so that
 * the state of a client is complete (STREAM-2). A `retry` that was announced is not taken back by an event of its own: it is over with
 * the next delta, preview reset or status.
 */
export function tellings(told: Told, view: ChatView, options: TellingOptions): Tellings {
  const { resetPreview } = options;
  const known = made.find(
    (other) => other.view === view && other.resetPreview === resetPreview && isSameTold(other.from, told),
  );
  if (known !== undefined) return known.result;
  const result = makeTellings(told, view, options);
  made.add({ from: told, view, resetPreview, result });
  return result;
}

export interface Tellings {
  readonly tellings: readonly Telling[];
  readonly told: Told;
}

interface TellingOptions {
  readonly resetPreview: boolean;
}

interface Made extends TellingOptions {
  readonly from: Told;
  readonly view: ChatView;
  readonly result: Tellings;
}

/** Subscribers of a chat who are at the same place share views: what they are told are the very same events, which are encoded once. */
const made = new LastFew<Made>(4);

function makeTellings(told: Told, view: ChatView, { resetPreview }: TellingOptions): Tellings {
  const { opening } = told;
  const { chat } = view;
  const now = toldOf(view);
  const moved = compareEpisodes(now, told) !== 0;
  const turnPassed = !opening && moved && isIdle(now) && now.status === told.status;
  const before: StreamEvent[] = [
    ...(resetPreview ? [previewReset] : []),
    ...(view.reset ? [historyReset] : []),
    // A whole turn passed between two reads. Its end can only be told if the status was another in between, as it was.
    ...(turnPassed ? [statusEvent(ChatStatus.RUNNING)] : []),
  ];
  const begun: Told = {
    ...told,
    ...(resetPreview ? { historyVersion: now.historyVersion, generationAttempt: now.generationAttempt } : {}),
    ...(turnPassed ? { status: ChatStatus.RUNNING } : {}),
    ...(view.reset ? { messageVersion: 0 } : {}),
    partly: { version: now.snapshotVersion, throughId: view.reset ? 0 : (told.partly?.throughId ?? 0) },
  };
  const messages = view.messages.map((message): Telling => {
    const throughId = Number(message.id);
    return {
      event: messageEvent(message),
      told: { ...begun, partly: { version: now.snapshotVersion, throughId } },
    };
  });
  if (view.more) {
    const all = [...group(before, begun), ...messages];
    return { tellings: all, told: all.at(-1)?.told ?? begun };
  }
  const entered = opening || turnPassed || now.status !== told.status;
  // A new attempt of a step, even if nothing of the attempt before was shown (STREAM-9).
  const newAttempt = !opening && !resetPreview && moved && now.generationAttempt > 1;
  // A notice is over with the turn, though the chat goes on to the next one at once.
  const retryOver =
    !opening && !resetPreview && !turnPassed && told.retrying && !now.retrying && now.status === told.status;
  const statusMoved = now.status !== begun.status;
  const after: StreamEvent[] = [
    ...(now.queueVersion > told.queueVersion ? [queueUpdateEvent(view.queue)] : []),
    ...(now.metadataVersion > told.metadataVersion ? [chatUpdateEvent(chat)] : []),
    ...(newAttempt || retryOver ? [previewReset] : []),
    ...(entered ? errorEvent(chat) : []),
    ...(entered ? actionRequiredEvent(chat) : []),
    ...(statusMoved ? [statusEvent(chat.status)] : []),
    // A status puts an end to a notice: one that still stands is told after it.
    ...(statusMoved || now.retryVersion > told.retryVersion ? retryEvent(chat) : []),
  ];
  // What comes before goes out by itself only where nothing comes after.
  const toldBefore = messages.length > 0 ? begun : after.length > 0 ? undefined : now;
  return { tellings: [...group(before, toldBefore), ...messages, ...group(after, now)], told: now };
}

/** Events that travel together. */
function group(events: readonly StreamEvent[], told: Told | undefined): Telling[] {
  return events.map((event, index) => ({ event, told: index === events.length - 1 ? told : undefined }));
}
