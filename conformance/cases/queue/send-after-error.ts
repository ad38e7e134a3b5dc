import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send } from "../kit/chats.js";
import { failedTurn } from "../kit/failed-turn.js";
import { plainly } from "../kit/turns.js";

export const sendAfterError = defineCase({
  id: "queue/send-after-error",
  title: "a message after a failed turn goes to the end of the held queue, and its head runs first",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M145",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const held = model.script([text("To the held one.")]);
    const { chat, watcher, fail } = await failedTurn(context, [held.says("held")]);
    fail();
    await arrange("the chat is in error", "response", (signal) =>
      watcher.until("ERROR", ({ status }) => status === ChatStatus.ERROR, { signal }),
    );
    const next = model.script([text("To the next.")]);
    await arrange("another message", "response", () => send(context, chat.id, next.says("next")));
    const view = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "both are answered",
        happens: (signal) => watcher.settled({ signal }, ({ messages }) => messages.size >= 5),
      },
      "response",
    );
    const expected = [
      "user: fail",
      "user: held",
      "assistant: To the held one.",
      "user: next",
      "assistant: To the next.",
    ];
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("CHAT-1", "the held one comes first", { expected, observed: plainly(messages) });
    check("CHAT-1", "the error is over", { expected: undefined, observed: view.error });
  },
});
