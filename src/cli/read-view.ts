import { ConnectError } from "@connectrpc/connect";
import { type ChatView, followChat } from "../client/index.js";
import type { Connection } from "./connection.js";

/** What a chat is right now: status, messages, queue and what is being generated. Does not try again when that fails. */
export async function readView(
  connection: Connection,
  chatId: string,
  signal?: AbortSignal,
): Promise<ChatView> {
  for await (const view of followChat(connection, { chatId, signal, maxFailures: 0 }))
    if (view.caughtUp) return view;
  throw new ConnectError("the subscription ended before it had caught up");
}
