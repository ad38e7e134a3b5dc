import type { ChatsClient } from "./palaver-client.js";
import { type ChatView, createChatView, reduceChat } from "./chat-view.js";
import { subscribe, type SubscribeOptions } from "./subscribe.js";

export interface FollowOptions extends Omit<SubscribeOptions, "cursor"> {
  /** What was seen of the chat in an earlier life: it goes on at the view's cursor. */
  readonly view?: ChatView | undefined;
}

/**
 * Follows a chat as {@link subscribe} does, and gives the view after each change: the whole client of a simple user interface.
 *
 * @throws ConnectError when the server has ended the subscription for good
 */
export async function* followChat(
  client: ChatsClient,
  { view: begin = createChatView(), ...options }: FollowOptions,
): AsyncGenerator<ChatView, void, undefined> {
  let view = begin;
  for await (const item of subscribe(client, { ...options, cursor: begin.cursor })) {
    const next = reduceChat(view, item);
    if (next === view) continue;
    view = next;
    yield view;
  }
}
