import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Chat, ChatSchema } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService, type WatchChatsResponse } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { ChatListEvent } from "../../../src/gen/palaver/chat/v1/event_pb.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import type { As } from "../../suite/run/stage.js";
import type { Call } from "../../surroundings/clients/call.js";

const { method } = ChatService;

/** Changes a chat's metadata: the fields that are given. */
export async function update(
  { client }: Pick<CaseContext, "client">,
  chatId: string,
  fields: Pick<MessageInitShape<typeof ChatSchema>, "title" | "labels" | "archived" | "pinned">,
): Promise<void> {
  await client().unary(method.updateChat, {
    chat: { id: chatId, ...fields },
    updateMask: { paths: Object.keys(fields) },
  });
}

export function retitle(context: Pick<CaseContext, "client">, chatId: string, title: string): Promise<void> {
  return update(context, chatId, { title });
}

export async function remove({ client }: Pick<CaseContext, "client">, chatId: string): Promise<void> {
  await client().unary(method.deleteChat, { chatId });
}

type ListEvent = ChatListEvent["event"];

/** Somebody who watches the list of their chats. Other runs change the same list: look at chats of your own only. */
export interface ListWatch {
  readonly call: Call<WatchChatsResponse>;
  readonly events: readonly ListEvent[];
  readonly cursor: string;
  /** How often the chat was told, or its deletion. */
  tellings(chatId: string): ListEvent[];
  /** The newest of the chat, as soon as it is as wanted. */
  chat(chatId: string, isIt: (chat: Chat) => boolean, signal: AbortSignal): Promise<Chat>;
  event(what: "caughtUp" | "listReset", signal: AbortSignal): Promise<void>;
  deletion(chatId: string, signal: AbortSignal): Promise<void>;
}

export function watchList(
  { client, use }: Pick<CaseContext, "client" | "use">,
  {
    cursor = "",
    updatesOnly = false,
    ...as
  }: As & { readonly cursor?: string; readonly updatesOnly?: boolean } = {},
): ListWatch {
  const call = use(client(as).call(method.watchChats, { cursor, updatesOnly }));
  const all = (): ListEvent[] =>
    call.messages.flatMap(({ message }) => message.events.map(({ event }) => event));
  const tellings = (chatId: string): ListEvent[] => all().filter((event) => idOf(event) === chatId);
  return {
    call,
    get events() {
      return all();
    },
    get cursor() {
      return call.messages.at(-1)?.message.cursor ?? cursor;
    },
    tellings,
    chat: (chatId, isIt, signal) =>
      call.until(
        "the chat",
        () => {
          const newest = tellings(chatId).at(-1);
          const chat = newest?.case === "chatUpdate" ? newest.value.chat : undefined;
          return chat !== undefined && isIt(chat) ? chat : undefined;
        },
        { signal },
      ),
    event: async (what, signal) => {
      await call.until(what, () => all().find((event) => event.case === what), { signal });
    },
    deletion: async (chatId, signal) => {
      const told = () => tellings(chatId).find((event) => event.case === "chatDelete");
      await call.until("the deletion", told, { signal });
    },
  };
}

/** Which chat it is about. */
function idOf(event: ListEvent): string | undefined {
  if (event.case === "chatUpdate") return event.value.chat?.id;
  return event.case === "chatDelete" ? event.value.chatId : undefined;
}
