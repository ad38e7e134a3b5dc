import { defineCase } from "../../suite/cases/define-case.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { history, textPart } from "../kit/chats.js";
import { runningTurn, settledWith, waiting } from "../kit/turns.js";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";

const { method } = ChatService;

export const keepsAttributes = defineCase({
  id: "queue/keeps-attributes",
  title: "a message that has waited keeps its author and its model",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: ["model", "anthropic"],
  mutant: "M146",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, client, model, modelName, waitFor } = context;
    const { chat, script, watcher } = await runningTurn(context);
    const other = modelName("anthropic") ?? "";
    const next = model.script([text("Five.")]);
    const queued = await arrange("a message for another model waits", "response", async () =>
      waiting(
        await client().unary(method.sendMessage, {
          chatId: chat.id,
          parts: [textPart(next.says("more"))],
          model: other,
        }),
      ),
    );
    check("CHAT-1", "in the queue it has its model", { expected: other, observed: queued.model });
    script.open("middle");
    await waitFor(
      { rule: "CHAT-1", sentence: "it is answered", happens: settledWith(watcher, 4) },
      "response",
    );
    const [first, , second] = await arrange("the history", "response", () => history(context, chat.id));
    check("CHAT-1", "in the history it has that model, and its author", {
      expected: { model: other, author: queued.author },
      observed: { model: second?.model, author: second?.author },
    });
    check("CHAT-1", "its author is who said it", { expected: first?.author, observed: second?.author });
    check("CHAT-1", "that model was asked", {
      expected: ["anthropic"],
      observed: next.calls.map(({ dialect }) => dialect),
    });
  },
});
