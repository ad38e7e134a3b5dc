import { ChatService, type EditMessageResponse } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { Message } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import { history, textPart } from "./chats.js";
import { type RunningTurn, takeTurns } from "./turns.js";
import { watchedChat } from "./watched-turns.js";

export function edit(
  { client }: Pick<CaseContext, "client">,
  chatId: string,
  messageId: bigint | undefined,
  text: string,
): Promise<EditMessageResponse> {
  return client().unary(ChatService.method.editMessage, {
    chatId,
    messageId: messageId ?? 0n,
    parts: [textPart(text)],
  });
}

/** A chat of two turns that is watched: one – One., two – Two. */
export async function twoTurns(
  context: Pick<CaseContext, "arrange" | "client" | "model" | "modelName" | "watch">,
): Promise<Pick<RunningTurn, "chat" | "watcher"> & { readonly messages: readonly Message[] }> {
  const { chat, watcher } = await watchedChat(context);
  await takeTurns(context, watcher, { one: "One.", two: "Two." });
  const messages = await context.arrange("the history", "response", () => history(context, chat.id));
  return { chat, watcher, messages };
}
