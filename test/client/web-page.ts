/** What the browser test runs in the page: the example, and a window for the test to look through. */
import { toJson } from "@bufbuild/protobuf";
import { type ChatStatus, type ChatView, MessageSchema } from "palaver/client";
import { openChat } from "../../examples/web.js";

/** The page's address; there are no types of the DOM here. */
const { location } = globalThis as unknown as { location: { origin: string } };

export interface PageWindow {
  open(chatId: string): void;
  send(text: string): Promise<void>;
  close(): Promise<void>;
  /** What is shown. */
  look(): PageLook | undefined;
}

export interface PageLook {
  readonly state: string;
  /** Every state of the connection so far. */
  readonly states: readonly string[];
  readonly caughtUp: boolean;
  readonly status: ChatStatus;
  readonly messages: readonly unknown[];
  readonly step: string;
}

const states: string[] = [];
let view: ChatView | undefined;
let page: ReturnType<typeof openChat> | undefined;

export const palaver: PageWindow = {
  open: (chatId) => {
    page = openChat({ baseUrl: location.origin, chatId }, (next) => {
      view = next;
      if (states.at(-1) !== next.connection.state) states.push(next.connection.state);
    });
  },
  send: async (text) => page?.send(text),
  close: async () => {
    page?.close();
    await page?.closed;
  },
  look: () =>
    view && {
      state: view.connection.state,
      states,
      caughtUp: view.caughtUp,
      status: view.status,
      messages: view.messages.map((message) => toJson(MessageSchema, message)),
      step: (view.step?.parts ?? [])
        .map(({ kind }) => (kind.case === "text" ? kind.value.text : `[${kind.case ?? ""}]`))
        .join(""),
    },
};
