import {
  type ActionRequired,
  type Chat,
  ChatStatus,
  type Retry,
} from "../../src/gen/palaver/chat/v1/chat_pb.js";
import type { ChatError } from "../../src/gen/palaver/chat/v1/error_pb.js";
import type { StreamEvent } from "../../src/gen/palaver/chat/v1/event_pb.js";
import type { Message, QueuedMessage } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { joinDelta, type JoinedStep } from "./joined-step.js";

/** A chat as a subscriber knows it. */
export interface View {
  /** Unspecified before the first is told. */
  readonly status: ChatStatus;
  /** By id, in the order of ids. */
  readonly messages: ReadonlyMap<bigint, Message>;
  readonly queue: readonly QueuedMessage[];
  readonly error: ChatError | undefined;
  readonly retry: Retry | undefined;
  readonly actionRequired: ActionRequired | undefined;
  /** What runs and is not committed. */
  readonly step: JoinedStep | undefined;
  readonly chat: Chat | undefined;
  readonly caughtUp: boolean;
}

export const emptyView: View = {
  status: ChatStatus.UNSPECIFIED,
  messages: new Map(),
  queue: [],
  error: undefined,
  retry: undefined,
  actionRequired: undefined,
  step: undefined,
  chat: undefined,
  caughtUp: false,
};

/** What a subscriber knows after these events, as the protocol says how a client shows a chat. */
export function viewAfter(
  events: readonly { readonly event: StreamEvent["event"] }[],
  before = emptyView,
): View {
  const messages = new Map(before.messages);
  const view = { ...before };
  for (const { event } of events) change(view, messages, event);
  return { ...view, messages: new Map([...messages].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

/** Whether nothing is under way any more: what is to come has come. */
export function isSettled({ caughtUp, status, step }: View): boolean {
  const isIdle =
    status === ChatStatus.WAITING || status === ChatStatus.ERROR || status === ChatStatus.REQUIRES_ACTION;
  return caughtUp && isIdle && step === undefined;
}

type Draft = { -readonly [Field in keyof View]: View[Field] };

function change(view: Draft, messages: Map<bigint, Message>, event: StreamEvent["event"]): void {
  switch (event.case) {
    case "status":
      view.status = event.value.status;
      view.retry = undefined;
      if (view.status !== ChatStatus.ERROR) view.error = undefined;
      if (view.status !== ChatStatus.REQUIRES_ACTION) view.actionRequired = undefined;
      return;
    case "message":
      if (event.value.message !== undefined) messages.set(event.value.message.id, event.value.message);
      view.step = undefined;
      return;
    case "messagePart":
      view.step = joinDelta(view.step, event.value);
      view.retry = undefined;
      return;
    case "queueUpdate":
      view.queue = event.value.queue;
      return;
    case "error":
      view.error = event.value.error;
      return;
    case "retry":
      view.retry = event.value.retry;
      return;
    case "actionRequired":
      view.actionRequired = event.value.actionRequired;
      return;
    case "previewReset":
      view.step = undefined;
      view.retry = undefined;
      return;
    case "historyReset":
      messages.clear();
      view.step = undefined;
      return;
    case "chatUpdate":
      view.chat = event.value.chat;
      return;
    case "caughtUp":
      view.caughtUp = true;
      return;
    case "keepalive":
    case undefined: // An event that is newer than this program (COMPAT-2).
      return;
    default:
      event satisfies never;
  }
}
