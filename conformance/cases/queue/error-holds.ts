import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, textOf } from "../kit/chats.js";
import { failedTurn } from "../kit/failed-turn.js";
import { plainly } from "../kit/turns.js";
import { talk, watchedChat } from "../kit/watched-turns.js";

export const errorHolds = defineCase({
  id: "queue/error-holds",
  title: "a failed turn leaves the queue as it is, and does not run it",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M144",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, fence, model, never, waitFor } = context;
    const held = model.script([text("Too early.")]);
    const { chat, watcher, fail } = await failedTurn(context, [held.says("held")]);
    fail();
    const view = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "the turn ends",
        happens: (signal) => watcher.settled({ signal }),
      },
      "response",
    );
    check("CHAT-1", "the chat is in error", {
      expected: ChatStatus[ChatStatus.ERROR],
      observed: ChatStatus[view.status],
    });
    check("CHAT-1", "the message waits still", {
      expected: [held.says("held")],
      observed: view.queue.map(textOf),
    });
    const other = await watchedChat(context);
    await fence("a turn that began later has ended", "response", () =>
      talk(context, other.watcher, model.script([text("Done.")]).says("something else")),
    );
    never(
      "CHAT-1",
      "the model is asked about it",
      held.calls.map(({ index }) => index),
    );
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("CHAT-1", "it is not in the history", { expected: ["user: fail"], observed: plainly(messages) });
  },
});
