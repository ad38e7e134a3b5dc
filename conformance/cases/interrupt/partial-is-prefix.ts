import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send, textOf } from "../kit/chats.js";
import { interrupt } from "../kit/turns.js";
import { shownSteps, shownText, watchedChat } from "../kit/watched-turns.js";

const said = Array.from({ length: 400 }, (_, index) => `${index} `).join("");

export const partialIsPrefix = defineCase({
  id: "interrupt/partial-is-prefix",
  title: "a partial is the beginning of what the model says, and holds all that anybody has seen of it",
  rules: ["INT-2"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M131",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor, watch } = context;
    const script = model.script([text(said, { codePoints: 3 }), gate("end")]);
    const { chat, watcher } = await watchedChat(context);
    const watchers = [watcher, watch(chat.id)];
    await arrange("a message", "response", () => send(context, chat.id, script.says("count")));
    for (const each of watchers)
      await arrange("the answer has begun", "response", (signal) =>
        each.until("a delta", ({ step }) => step !== undefined, { signal }),
      );
    // The model is talking still, or has just said everything: whatever is on its way now may or may not be in the partial.
    await arrange("an interrupt", "response", () => interrupt(context, chat.id));
    for (const [index, each] of watchers.entries()) {
      const view = await waitFor(
        {
          rule: "INT-2",
          sentence: `watcher ${index} sees the turn end`,
          happens: (signal) => each.settled({ signal }),
        },
        "response",
      );
      const [, answer] = view.messages.values();
      const partial = answer === undefined ? "" : textOf(answer);
      const seen = shownText({ step: shownSteps(each.events)[0] });
      check("INT-2", "the partial is what the model said, from its beginning", {
        expected: said,
        observed: partial,
        holds: partial !== "" && said.startsWith(partial),
      });
      check("INT-2", "the partial holds all that was seen, in its order", {
        expected: `${seen}…`,
        observed: partial,
        holds: partial.startsWith(seen),
      });
    }
  },
});
