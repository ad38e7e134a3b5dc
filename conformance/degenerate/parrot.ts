import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { randomUUID } from "node:crypto";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import type { ChatService, SubscribeResponseSchema } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { type MessageSchema, type Part, Role } from "../../src/gen/palaver/chat/v1/message_pb.js";

type Told = MessageInitShape<typeof SubscribeResponseSchema>;

/**
 * Agrees to everything, and repeats what it has just been told: each chat exists, idle; each message is accepted, as the first; each subscriber is
 * told at once that there is nothing more, and the stream ends. It remembers nothing, and asks no model.
 */
export function parrot(): ServiceImpl<typeof ChatService> {
  const idle = (id: string) => ({ chat: { id, status: ChatStatus.WAITING } });
  const first = (parts: readonly Part[]): MessageInitShape<typeof MessageSchema> => ({
    id: 1n,
    revision: 1n,
    role: Role.USER,
    parts: [...parts],
  });
  const agree = ({ chatId }: { readonly chatId: string }) => idle(chatId);

  return {
    createChat: ({ title, labels, model, parts }) => ({
      chat: { ...idle(randomUUID()).chat, title, labels, model },
      messages: parts.length === 0 ? [] : [first(parts)],
    }),
    getChat: agree,
    listChats: () => ({}),
    updateChat: ({ chat }) => (chat === undefined ? {} : { chat }),
    deleteChat: () => ({}),
    listMessages: () => ({}),
    sendMessage: ({ chatId, parts }) => ({
      outcome: { case: "message", value: first(parts) },
      ...idle(chatId),
    }),
    editMessage: ({ chatId, parts }) => ({ message: first(parts), ...idle(chatId) }),
    interruptChat: agree,
    deleteQueuedMessage: agree,
    promoteQueuedMessage: agree,
    subscribe: async function* ({ chatId, cursor }): AsyncGenerator<Told> {
      yield {
        cursor: cursor || "parrot",
        events: [
          { event: { case: "chatUpdate", value: idle(chatId) } },
          { event: { case: "status", value: { status: ChatStatus.WAITING } } },
          { event: { case: "queueUpdate", value: {} } },
          { event: { case: "caughtUp", value: {} } },
        ],
      };
    },
    watchChats: async function* ({ cursor }) {
      yield { cursor: cursor || "parrot", events: [{ event: { case: "caughtUp", value: {} } }] };
    },
  };
}
