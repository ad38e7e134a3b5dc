import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { holds, placesOf, signedTurn } from "../kit/canaries.js";
import { has, watchedChat } from "../kit/subscriptions.js";

export const snapshot = defineCase({
  id: "redact/snapshot",
  title: "what only the provider may see again is in no snapshot",
  rules: ["PART-4"],
  level: "MUST",
  profile: "core",
  needs: ["model", "anthropic"],
  mutant: "M160",
  wires: "each",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, canary, fence, model, never, precondition, watch } = context;
    const signature = canary();
    const { chatId, watcher } = await watchedChat(context, { dialect: "anthropic" });
    const script = model.script(...signedTurn(signature));
    script.open("shown");
    await arrange("a message", "response", () => send(context, chatId, script.says("think")));
    await arrange("its turn", "response", (signal) => watcher.settled({ signal }, has(4)));
    const second = await arrange("the second prompt", "response", (signal) => script.call(1, { signal }));
    precondition("the target keeps the signature, and sends it back", holds(second, signature));
    const newcomer = watch(chatId);
    const { messages } = await fence("the whole snapshot", "response", (signal) =>
      newcomer.caughtUp({ signal }),
    );
    precondition("the messages are in it", messages.size === 4);
    never("PART-4", "the snapshot does not tell the signature", placesOf(signature, newcomer.call.frames));
  },
});
