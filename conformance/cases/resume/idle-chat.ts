import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { has, kindsOf, watchedChat } from "../kit/subscriptions.js";

export const idleChat = defineCase({
  id: "resume/idle-chat",
  title: "whoever comes back to a chat in which nothing happened is caught up and told nothing",
  rules: ["STREAM-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M151",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, fence, model, never, watch } = context;
    const { chatId, watcher } = await watchedChat(context);
    const script = model.script([text("done")]);
    await arrange("a message", "response", () => send(context, chatId, script.says("go")));
    await arrange("its turn", "response", (signal) => watcher.settled({ signal }, has(2)));
    const resumed = watch(chatId, { cursor: watcher.cursor });
    await fence("caught up", "response", (signal) => resumed.caughtUp({ signal }));
    never(
      "STREAM-3",
      "nothing but caught_up is told",
      kindsOf(resumed.events).filter((kind) => kind !== "caughtUp" && kind !== "keepalive"),
    );
  },
});
