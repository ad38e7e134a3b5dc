import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat, history, send } from "../kit/chats.js";
import { plainly, runningTurn, settledWith } from "../kit/turns.js";

export const busyEnqueues = defineCase({
  id: "queue/busy-enqueues",
  title: "a message to a busy chat waits, and does not touch the history",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M138",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chat, script, watcher } = await runningTurn(context);
    const before = await arrange("the running chat", "response", () => getChat(context, chat.id));
    const next = model.script([text("Five.")]);
    const { outcome } = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "a busy chat takes a message",
        happens: () => send(context, chat.id, next.says("more")),
      },
      "response",
    );
    check("CHAT-1", "the message has a place in the queue", {
      expected: "queuedMessage",
      observed: outcome.case,
    });
    const after = await arrange("the chat", "response", () => getChat(context, chat.id));
    check("CHAT-1", "the history did not change", {
      expected: before.versions?.historyVersion,
      observed: after.versions?.historyVersion,
    });
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("CHAT-1", "the message is not in it", { expected: ["user: count"], observed: plainly(messages) });

    script.open("middle");
    const view = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "both turns come to their end",
        happens: settledWith(watcher, 4),
      },
      "response",
    );
    check("CHAT-1", "the running turn was not disturbed", {
      expected: ["user: count", "assistant: One two three four", "user: more", "assistant: Five."],
      observed: plainly(view.messages.values()),
    });
  },
});
