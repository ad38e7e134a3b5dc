import { type ActionRequired, type Chat, ChatStatus, type Retry } from "../gen/palaver/chat/v1/chat_pb.js";
import type { ChatError } from "../gen/palaver/chat/v1/error_pb.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { Message, QueuedMessage } from "../gen/palaver/chat/v1/message_pb.js";
import { MessageListEdit } from "./message-list.js";
import { advance, type Position } from "./position.js";
import { addDelta, type RunningStep } from "./running-step.js";
import type { ChatItem } from "./subscribe.js";
import type { Connection } from "./subscription-item.js";

/**
 * A chat as a user sees it. Immutable: {@link reduceChat} makes the next one, in which everything that has not changed is the same object, so
 * that `===` tells what to draw again.
 */
export interface ChatView {
  readonly connection: Connection;
  /** Everything that existed when the subscription began is in here. Before that, what is missing may still come. */
  readonly caughtUp: boolean;
  readonly status: ChatStatus;
  /** The history, in order. */
  readonly messages: readonly Message[];
  /** What is being generated; undefined while nothing is. */
  readonly step: RunningStep | undefined;
  /** The messages that wait, in order. */
  readonly queue: readonly QueuedMessage[];
  /** Why the last turn failed: while the status is ERROR. */
  readonly error: ChatError | undefined;
  /** The wait before the next attempt, with the time when it is due. */
  readonly retry: Retry | undefined;
  /** The tool calls that somebody has to run: while the status is REQUIRES_ACTION. */
  readonly actionRequired: ActionRequired | undefined;
  /** The chat's metadata, if it has changed since the subscription began or was given to {@link createChatView}. */
  readonly chat: Chat | undefined;
  /** Where a later subscription goes on with this very view. */
  readonly cursor: string;
  /** How far it is in the deltas of the running step: what the next delta has to follow. */
  readonly position: Position | undefined;
}

/** The view of a chat of which nothing has come yet. */
export function createChatView({ chat }: { readonly chat?: Chat | undefined } = {}): ChatView {
  return {
    connection: { state: "connecting" },
    caughtUp: false,
    status: ChatStatus.UNSPECIFIED,
    messages: [],
    step: undefined,
    queue: [],
    error: undefined,
    retry: undefined,
    actionRequired: undefined,
    chat,
    cursor: "",
    position: undefined,
  };
}

/**
 * The view after an item of {@link subscribe}. Pure.
 *
 * @throws OutOfSyncError when events do not follow those before them. Items of `subscribe` always do; events from elsewhere may not, and then
 * the view can only be made anew.
 */
export function reduceChat(view: ChatView, item: ChatItem): ChatView {
  switch (item.type) {
    case "connection":
      return reduceConnection(view, item.connection);
    case "events":
      return reduceEvents(view, view, item);
    case "reset":
      return reduceEvents(view, { ...createChatView(view), connection: view.connection }, item);
    default:
      return item satisfies never;
  }
}

function reduceConnection(view: ChatView, connection: Connection): ChatView {
  // A subscription that goes on tells `caught_up` of its own.
  const caughtUp = view.caughtUp && connection.state === "open";
  return { ...view, connection, caughtUp };
}

type Draft = { -readonly [Field in keyof Omit<ChatView, "messages">]: ChatView[Field] };

/** `begin` is what the events are added to: the view, or an empty one that takes over what is the same in the view. */
function reduceEvents(
  view: ChatView,
  begin: ChatView,
  { events, cursor }: { readonly events: readonly StreamEvent[]; readonly cursor: string },
): ChatView {
  const messages = new MessageListEdit(view.messages);
  if (begin !== view) messages.clear();
  const draft: Draft = { ...begin, cursor };
  for (const event of events) {
    draft.position = advance(draft.position, event);
    reduceEvent(draft, messages, event);
  }
  const next = { ...draft, messages: messages.messages };
  const same = (Object.keys(next) as (keyof ChatView)[]).every((field) => next[field] === view[field]);
  return same ? view : next;
}

function reduceEvent(draft: Draft, messages: MessageListEdit, { event }: StreamEvent): void {
  switch (event.case) {
    case "status":
      draft.status = event.value.status;
      draft.retry = undefined;
      if (draft.status !== ChatStatus.ERROR) draft.error = undefined;
      if (draft.status !== ChatStatus.REQUIRES_ACTION) draft.actionRequired = undefined;
      return;
    case "message": {
      const { message } = event.value;
      if (message === undefined) return;
      messages.put(message);
      // Written since the step began: it is the step, or it puts an end to it.
      if (draft.step !== undefined && message.revision > draft.step.episode.historyVersion)
        draft.step = undefined;
      return;
    }
    case "messagePart":
      draft.step = addDelta(draft.step, event.value);
      draft.retry = undefined;
      return;
    case "queueUpdate":
      draft.queue = reduceQueue(draft.queue, event.value.queue);
      return;
    case "error":
      draft.error = event.value.error;
      return;
    case "retry":
      draft.retry = event.value.retry;
      return;
    case "actionRequired":
      draft.actionRequired = event.value.actionRequired;
      return;
    case "previewReset":
      draft.step = undefined;
      draft.retry = undefined;
      return;
    case "historyReset":
      messages.clear();
      draft.step = undefined;
      return;
    case "chatUpdate":
      draft.chat = event.value.chat;
      return;
    case "caughtUp":
      draft.caughtUp = true;
      return;
    case "keepalive":
    case undefined: // An event that is newer than this program (COMPAT-2).
      return;
    default:
      event satisfies never;
  }
}

/** A queued message never changes: those that still wait keep their identity. */
function reduceQueue(
  before: readonly QueuedMessage[],
  after: readonly QueuedMessage[],
): readonly QueuedMessage[] {
  const byId = new Map(before.map((message) => [message.id, message]));
  const queue = after.map((message) => byId.get(message.id) ?? message);
  return queue.length === before.length && queue.every((message, index) => message === before[index])
    ? before
    : queue;
}
