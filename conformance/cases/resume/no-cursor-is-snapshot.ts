import { text } from "../../surroundings/scripted-model/script.js";
import { checkEnds } from "../../transcript/check.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send, told } from "../kit/chats.js";
import { has, watchedChat } from "../kit/subscriptions.js";

export const noCursorIsSnapshot = defineCase({
  id: "resume/no-cursor-is-snapshot",
  title: "without a cursor comes all that there is, then what follows",
  rules: ["STREAM-2"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M155",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, model, waitFor, watch } = context;
    const { chatId, watcher } = await watchedChat(context);
    const [first, second] = [model.script([text("one")]), model.script([text("two")])];
    await arrange("a message", "response", () => send(context, chatId, first.says("first")));
    await arrange("its turn", "response", (signal) => watcher.settled({ signal }, has(2)));
    const all = await arrange("the history", "response", () => history(context, chatId));
    const newcomer = watch(chatId);
    const view = await waitFor(
      {
        rule: "STREAM-2",
        sentence: "a newcomer catches up",
        happens: (signal) => newcomer.caughtUp({ signal }),
      },
      "response",
    );
    check("STREAM-2", "a newcomer is told the whole history", {
      expected: told(all),
      observed: told(view.messages.values()),
    });
    await arrange("another message", "response", () => send(context, chatId, second.says("second")));
    await arrange("its turn", "response", (signal) => watcher.settled({ signal }, has(4)));
    await waitFor(
      {
        rule: "STREAM-2",
        sentence: "the newcomer is told of what follows",
        happens: (signal) =>
          newcomer.settled({ signal }, ({ messages }) => told(messages.values()).at(-1) === "assistant: two"),
      },
      "response",
    );
    check("STREAM-2", "both know the same in the end", {
      expected: [],
      observed: checkEnds([watcher.transcript, newcomer.transcript]).map(({ observed }) => observed),
    });
  },
});
