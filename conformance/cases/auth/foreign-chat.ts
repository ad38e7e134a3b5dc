import { randomUUID } from "node:crypto";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, getChat, textPart } from "../kit/chats.js";
import { endOf, saysOf } from "../kit/answers.js";

const { method } = ChatService;

export const foreignChat = defineCase({
  id: "auth/foreign-chat",
  title: "somebody else's chat cannot be told from one that does not exist, whatever is asked of it",
  rules: ["ERR-5", "AUTH-2"],
  level: "MUST",
  profile: "core",
  needs: ["second_user"],
  mutant: "M31",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check } = context;
    const bob = { account: "bob" } as const;
    const before = await arrange("a chat of alice", "response", () => createChat(context));
    await arrange("bob is known", "response", () => createChat(context, bob));
    const ask = async (chatId: string): Promise<Record<string, unknown>> => {
      const parts = [textPart("mine")];
      const mask = { updateMask: { paths: ["title"] } };
      const ends = {
        getChat: await endOf(context, "ERR-5", method.getChat, { chatId }, bob),
        listMessages: await endOf(context, "ERR-5", method.listMessages, { chatId }, bob),
        subscribe: await endOf(context, "ERR-5", method.subscribe, { chatId }, bob),
        updateChat: await endOf(
          context,
          "ERR-5",
          method.updateChat,
          { chat: { id: chatId, title: "mine" }, ...mask },
          bob,
        ),
        sendMessage: await endOf(context, "ERR-5", method.sendMessage, { chatId, parts }, bob),
        editMessage: await endOf(context, "ERR-5", method.editMessage, { chatId, messageId: 1n, parts }, bob),
        interruptChat: await endOf(context, "ERR-5", method.interruptChat, { chatId }, bob),
        deleteQueuedMessage: await endOf(
          context,
          "ERR-5",
          method.deleteQueuedMessage,
          { chatId, queuedMessageId: 1n },
          bob,
        ),
        promoteQueuedMessage: await endOf(
          context,
          "ERR-5",
          method.promoteQueuedMessage,
          { chatId, queuedMessageId: 1n },
          bob,
        ),
        deleteChat: await endOf(context, "ERR-5", method.deleteChat, { chatId }, bob),
      };
      // The id that was asked for may be told.
      return Object.fromEntries(
        Object.entries(ends).map(([name, end]) => [
          name,
          JSON.parse(JSON.stringify(saysOf(end)).replaceAll(chatId, "ID")) as unknown,
        ]),
      );
    };
    const unknown = await ask(randomUUID());
    for (const [name, says] of Object.entries(unknown))
      check("ERR-5", `${name} of a chat that does not exist is NOT_FOUND`, {
        expected: ["NOT_FOUND", "CHAT_NOT_FOUND"],
        observed: [(says as { code?: string }).code, (says as { reason?: string }).reason],
      });
    check("ERR-5", "of alice's chat bob is told the same", {
      expected: unknown,
      observed: await ask(before.id),
    });
    const after = await arrange("alice's chat afterwards", "response", () => getChat(context, before.id));
    check("AUTH-2", "nothing has changed in it", { expected: before, observed: after });
  },
});
