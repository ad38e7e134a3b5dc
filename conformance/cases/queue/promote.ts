import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send } from "../kit/chats.js";
import { plainly, runningTurn, settledWith, waiting } from "../kit/turns.js";

const { method } = ChatService;

export const promote = defineCase({
  id: "queue/promote",
  title: "a promoted message runs next, and the others keep their order",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M142",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, client, model, waitFor } = context;
    const { chat, watcher } = await runningTurn(context);
    let last = 0n;
    for (const name of ["second", "third", "fourth"]) {
      const script = model.script([text(`To the ${name}.`)]);
      const { id } = await arrange(`the ${name} message waits`, "response", async () =>
        waiting(await send(context, chat.id, script.says(name))),
      );
      last = id;
    }
    await waitFor(
      {
        rule: "CHAT-1",
        sentence: "the last of the queue is promoted",
        happens: () =>
          client().unary(method.promoteQueuedMessage, { chatId: chat.id, queuedMessageId: last }),
      },
      "response",
    );
    await waitFor(
      { rule: "CHAT-1", sentence: "all turns come to their end", happens: settledWith(watcher, 8) },
      "response",
    );
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("CHAT-1", "the running turn gave way to it, and the others follow", {
      expected: [
        "user: count",
        "assistant (interrupted): One two ",
        ...["fourth", "second", "third"].flatMap((name) => [`user: ${name}`, `assistant: To the ${name}.`]),
      ],
      observed: plainly(messages),
    });
  },
});
