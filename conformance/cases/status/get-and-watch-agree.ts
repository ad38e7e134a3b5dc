import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat } from "../kit/chats.js";
import { failedTurn } from "../kit/failed-turn.js";
import { runningTurn, settledWith } from "../kit/turns.js";

export const getAndWatchAgree = defineCase({
  id: "status/get-and-watch-agree",
  title: "whoever asks and whoever watches know the same status",
  rules: ["STREAM-2"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M203",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor, watch } = context;
    const compare = async (chatId: string, what: string, status: ChatStatus) => {
      const chat = await arrange("the chat", "response", () => getChat(context, chatId));
      check("STREAM-2", `${what}: whoever asks`, {
        expected: ChatStatus[status],
        observed: ChatStatus[chat.status],
      });
      const watcher = watch(chatId);
      const view = await waitFor(
        {
          rule: "STREAM-2",
          sentence: `${what}: a watcher is caught up`,
          happens: (signal) => watcher.caughtUp({ signal }),
        },
        "response",
      );
      check("STREAM-2", `${what}: whoever begins to watch`, {
        expected: ChatStatus[status],
        observed: ChatStatus[view.status],
      });
    };
    const running = await runningTurn(context);
    await compare(running.chat.id, "in a turn", ChatStatus.RUNNING);
    running.script.open("middle");
    await arrange("the turn ends", "response", settledWith(running.watcher, 2));
    await compare(running.chat.id, "after a turn", ChatStatus.WAITING);
    const failed = await failedTurn(context);
    failed.fail();
    await arrange("the turn fails", "response", (signal) =>
      failed.watcher.until("the error", (_, events) => events.some((event) => event.case === "error"), {
        signal,
      }),
    );
    await compare(failed.chat.id, "after a failed turn", ChatStatus.ERROR);
  },
});
