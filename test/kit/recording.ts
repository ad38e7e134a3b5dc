import { type ChatView, createChatView, reduceChat } from "../../src/client/index.js";
import type { StreamEvent } from "../../src/gen/palaver/chat/v1/event_pb.js";
import type { ChatClient } from "./replica.js";

/** One response of a subscription. */
export interface Recorded {
  readonly events: readonly StreamEvent[];
  readonly cursor: string;
}

/** Everything that a subscription gets, from where `cursor` is, until it has caught up and `isEnough` says so of its view. */
export async function record(
  client: ChatClient,
  chatId: string,
  options: { cursor?: string; view?: ChatView; isEnough?: (view: ChatView) => boolean } = {},
): Promise<Recorded[]> {
  const { cursor = "", isEnough = () => true } = options;
  let view = { ...(options.view ?? createChatView()), caughtUp: false };
  const responses: Recorded[] = [];
  const leave = new AbortController();
  const deadline = AbortSignal.timeout(30_000);
  try {
    const signal = AbortSignal.any([leave.signal, deadline]);
    for await (const { events, cursor: after } of client.subscribe({ chatId, cursor }, { signal })) {
      responses.push({ events, cursor: after });
      view = reduceChat(view, { type: "events", events, cursor: after });
      if (view.caughtUp && isEnough(view)) return responses;
    }
  } finally {
    leave.abort();
  }
  throw new Error("the subscription ended");
}

/** The view of somebody who has got these responses. */
export function viewOf(responses: readonly Recorded[], begin: ChatView = createChatView()): ChatView {
  return responses.reduce(
    (view, { events, cursor }) => reduceChat(view, { type: "events", events, cursor }),
    begin,
  );
}

/** What a user sees in a view, for comparisons: no position, no connection. */
export function shown({ status, messages, step, queue, error, retry, actionRequired }: ChatView): unknown {
  return { status, messages, parts: step?.parts, queue, error, retry, actionRequired };
}

/** The text of all deltas of an episode, by blocks. */
export function deltaText(events: readonly StreamEvent[], episode: string): string {
  const blocks = new Map<number, string>();
  for (const { event } of events) {
    if (event.case !== "messagePart" || episodeKey(event.value.episode) !== episode) continue;
    const { block, part } = event.value;
    const value = part?.kind.value;
    let fragment = part?.kind.case ?? "";
    if (value !== undefined && "text" in value) fragment = value.text;
    if (value !== undefined && "argsDelta" in value) fragment = value.argsDelta || (value.argsJson ?? "");
    blocks.set(block, (blocks.get(block) ?? "") + fragment);
  }
  return JSON.stringify([...blocks].sort(([a], [b]) => a - b));
}

export function episodeKey(
  episode: { readonly historyVersion: bigint | number; readonly generationAttempt: number } | undefined,
): string {
  return `${episode?.historyVersion}.${episode?.generationAttempt}`;
}
