import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send, textPart, told } from "../kit/chats.js";
import { has, kindsOf, watchedChat } from "../kit/subscriptions.js";

export const cursorBeforeEdit = defineCase({
  id: "resume/cursor-before-edit",
  title: "a cursor that is older than an edit leads to a history reset and all messages",
  rules: ["STREAM-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M152",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, client, model, waitFor, watch } = context;
    const { chatId, watcher } = await watchedChat(context);
    const first = model.script([text("hidden soon")]);
    await arrange("a message", "response", () => send(context, chatId, first.says("first")));
    await arrange("its turn", "response", (signal) => watcher.settled({ signal }, has(2)));
    const { cursor, view } = watcher;
    const [messageId = 0n] = view.messages.keys();
    const second = model.script([text("the new answer")]);
    await arrange("an edit", "response", () =>
      client().unary(ChatService.method.editMessage, {
        chatId,
        messageId,
        parts: [textPart(second.says("second"))],
      }),
    );
    await arrange("its turn", "response", (signal) =>
      watcher.settled({ signal }, ({ messages }) => messages.size === 2 && !messages.has(messageId)),
    );
    const resumed = watch(chatId, { cursor });
    await waitFor(
      {
        rule: "STREAM-3",
        sentence: "the old cursor catches up",
        happens: (signal) => resumed.caughtUp({ signal }),
      },
      "response",
    );
    const kinds = kindsOf(resumed.events);
    check("STREAM-3", "history_reset comes once, before any message", {
      expected: ["historyReset", "message", "message"],
      observed: kinds.filter((kind) => kind === "historyReset" || kind === "message"),
    });
    const all = await arrange("the history", "response", () => history(context, chatId));
    check("STREAM-3", "all messages follow, and nothing that the edit has hidden", {
      expected: told(all),
      observed: told(resumed.view.messages.values()),
    });
  },
});
