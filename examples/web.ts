// What a web page does to show a chat. `draw` is the page's own: it gets the chat after each change, and parts that have not changed are the
// same objects as before, so that a comparison with === tells what to draw again.
import { createConnectTransport } from "@connectrpc/connect-web";
import { type ChatView, createPalaverClient, followChat, sendMessage, textPart } from "palaver/client";

export interface ChatPage {
  /** Sends what was typed. Repeated by itself until the server has it, once. */
  send(text: string): Promise<void>;
  /** Leaves. The chat's turn goes on. */
  close(): void;
  /** Resolves after `close`; rejects when the server has ended the subscription for good. */
  readonly closed: Promise<void>;
}

export function openChat(
  options: { readonly baseUrl: string; readonly token?: string; readonly chatId: string },
  draw: (view: ChatView) => void,
): ChatPage {
  const { baseUrl, token, chatId } = options;
  const client = createPalaverClient({
    transport: createConnectTransport({
      baseUrl,
      useBinaryFormat: true,
      interceptors: [
        (next) => (request) => {
          if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
          return next(request);
        },
      ],
    }),
  });
  const leave = new AbortController();
  const follow = async (): Promise<void> => {
    for await (const view of followChat(client, { chatId, signal: leave.signal })) draw(view);
  };
  return {
    send: async (text) => {
      await sendMessage(client, { chatId, parts: [textPart(text)] }, { signal: leave.signal });
    },
    close: () => leave.abort(),
    closed: follow(),
  };
}
