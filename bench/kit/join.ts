import type { Client } from "@connectrpc/connect";
import type { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";

/** What one subscription had got when it had caught up. */
export interface Joined {
  readonly ms: number;
  readonly events: number;
  readonly responses: number;
  /** The last delta. */
  readonly seq: number;
  readonly text: string;
}

/** Subscribes with a client of the usual kind, reads until it has caught up, and leaves. */
export async function join(
  client: Client<typeof ChatService>,
  request: { readonly chatId: string; readonly cursor?: string },
): Promise<Joined> {
  const leave = new AbortController();
  const beganMs = performance.now();
  let events = 0;
  let responses = 0;
  let seq = 0;
  let text = "";
  try {
    for await (const response of client.subscribe(request, { signal: leave.signal })) {
      responses += 1;
      for (const { event } of response.events) {
        events += 1;
        if (event.case === "messagePart") {
          seq = Number(event.value.seq);
          const { part } = event.value;
          text += part?.kind.case === "text" ? part.kind.value.text : "";
        }
        if (event.case === "caughtUp")
          return { ms: performance.now() - beganMs, events, responses, seq, text };
      }
    }
  } finally {
    leave.abort();
  }
  throw new Error("the stream ended before it had caught up");
}
