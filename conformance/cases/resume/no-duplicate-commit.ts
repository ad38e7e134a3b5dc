import { text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { has, messagesIn, splitAfter, watchedChat } from "../kit/subscriptions.js";

export const noDuplicateCommit = defineCase({
  id: "resume/no-duplicate-commit",
  title: "no message that a subscriber has is told again after it comes back",
  rules: ["STREAM-11", "STREAM-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M151",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, fence, model, never, watch } = context;
    const { chatId, watcher } = await watchedChat(context);
    const script = model.script([text("first "), toolCall("look", {})], [text("second")]);
    await arrange("a message", "response", () => send(context, chatId, script.says("go")));
    await arrange("its turn", "response", (signal) => watcher.settled({ signal }, has(4)));
    const last = watcher.responses.length - 1;
    for (const index of watcher.responses.keys()) {
      const { before, after } = splitAfter(watcher, index);
      const known = new Set(messagesIn(before));
      if (known.size === 0 && index < last) continue;
      const resumed = watch(chatId, { cursor: watcher.responses[index]?.cursor ?? "" });
      await fence(`caught up from cursor ${index}`, "response", (signal) => resumed.caughtUp({ signal }));
      never(
        "STREAM-11",
        `nothing that came before cursor ${index} comes again`,
        messagesIn(resumed.events).filter((message) => known.has(message)),
      );
      check("STREAM-3", `the messages after cursor ${index} come, each once and in order`, {
        expected: messagesIn(after),
        observed: messagesIn(resumed.events),
      });
    }
  },
});
