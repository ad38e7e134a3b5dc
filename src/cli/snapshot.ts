import { ConnectError } from "@connectrpc/connect";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { Connection } from "./connection.js";

/** What a chat is right now, as the events that a new subscription begins with: status, messages, queue and what is being generated. */
export async function readSnapshot(
  connection: Connection,
  chatId: string,
  signal?: AbortSignal,
): Promise<StreamEvent[]> {
  const call = new AbortController();
  const stop = (): void => call.abort();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted === true) stop();
  const events: StreamEvent[] = [];
  try {
    for await (const response of connection.chats.subscribe({ chatId }, { signal: call.signal })) {
      for (const event of response.events) {
        if (event.event.case === "caughtUp") return events;
        events.push(event);
      }
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
  }
  throw new ConnectError("the subscription ended before it had caught up");
}
