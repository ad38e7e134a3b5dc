import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { ChatsClient } from "./palaver-client.js";
import { advance, type Position } from "./position.js";
import { resume, type ResumeOptions } from "./resume.js";
import type { SubscriptionItem } from "./subscription-item.js";

export interface SubscribeOptions extends ResumeOptions {
  readonly chatId: string;
  /** Without a cursor: only messages with a greater id. */
  readonly afterMessageId?: bigint | undefined;
}

/** What {@link subscribe} gives. */
export type ChatItem = SubscriptionItem<StreamEvent>;

/**
 * Follows a chat: its present state, then every change. Reconnects by itself and goes on where it was; each event comes once and in order, or
 * a `reset` says that everything begins anew. Leaving the loop, or aborting the signal, ends the call; the chat's turn goes on.
 *
 * @throws ConnectError when the server has ended the subscription for good: unknown chat, credential not accepted
 */
export function subscribe(
  { chats }: ChatsClient,
  { chatId, afterMessageId = 0n, ...options }: SubscribeOptions,
): AsyncGenerator<ChatItem, void, undefined> {
  let position: Position | undefined;
  // Whoever comes with a cursor of an earlier life may be amid a step: its first delta is taken as it is.
  let known = (options.cursor ?? "") === "";
  return resume<StreamEvent>(
    {
      open: (cursor, signal) =>
        chats.subscribe(cursor === "" ? { chatId, afterMessageId } : { chatId, cursor }, { signal }),
      check: (events, { anew }) => {
        if (anew) {
          position = undefined;
          known = true;
        }
        for (const event of events) {
          const isDelta = event.event.case === "messagePart";
          position = advance(known || !isDelta ? position : before(event), event);
          known ||= isDelta;
        }
      },
    },
    options,
  );
}

/** The position that a delta follows. */
function before({ event }: StreamEvent): Position | undefined {
  if (event.case !== "messagePart") return undefined;
  const { firstSeq, episode } = event.value;
  return episode === undefined ? undefined : { episode, nextSeq: firstSeq };
}
