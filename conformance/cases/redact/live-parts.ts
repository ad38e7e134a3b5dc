import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { holds, placesOf, signedTurn } from "../kit/canaries.js";
import { deltasIn, has, watchedChat } from "../kit/subscriptions.js";

export const liveParts = defineCase({
  id: "redact/live-parts",
  title: "what only the provider may see again is in no delta",
  rules: ["PART-4"],
  level: "MUST",
  profile: "core",
  needs: ["model", "anthropic"],
  mutant: "M161",
  wires: "each",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, canary, fence, model, never, precondition } = context;
    const signature = canary();
    const { chatId, watcher } = await watchedChat(context, { dialect: "anthropic" });
    const script = model.script(...signedTurn(signature));
    await arrange("a message", "response", () => send(context, chatId, script.says("think")));
    await arrange("what is generated is shown", "response", (signal) =>
      watcher.until("a delta", (_, events) => deltasIn(events).length > 0, { signal }),
    );
    script.open("shown");
    await fence("the end of the turn", "response", (signal) => watcher.settled({ signal }, has(4)));
    const second = await arrange("the second prompt", "response", (signal) => script.call(1, { signal }));
    precondition("the target keeps the signature, and sends it back", holds(second, signature));
    never("PART-4", "nothing of the stream tells the signature", placesOf(signature, watcher.call.frames));
  },
});
