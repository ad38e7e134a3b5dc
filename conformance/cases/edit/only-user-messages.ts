import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat } from "../kit/chats.js";
import { edit } from "../kit/edits.js";
import { refusalInWords, refusalOf } from "../kit/watched-turns.js";

export const onlyUserMessages = defineCase({
  id: "edit/only-user-messages",
  title: "what is no user's message cannot be edited",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M130",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, client, waitFor } = context;
    const { chat, messages } = await arrange("a chat with instructions", "response", () =>
      client().unary(ChatService.method.createChat, { systemPrompt: "Be brief." }),
    );
    const chatId = chat?.id ?? "";
    const refusal = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "an edit of the instructions is answered",
        happens: () => refusalOf(edit(context, chatId, messages[0]?.id, "be verbose")),
      },
      "response",
    );
    check("CHAT-1", "it is refused", {
      expected: "FAILED_PRECONDITION NOT_A_USER_MESSAGE",
      observed: refusalInWords(refusal),
    });
    const after = await arrange("the chat", "response", () => getChat(context, chatId));
    check("CHAT-1", "nothing has changed", { expected: chat, observed: after });
  },
});
