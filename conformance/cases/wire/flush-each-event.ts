import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { has, shownText, watchedChat } from "../kit/subscriptions.js";

const words = ["One ", "two ", "three ", "four "];

export const flushEachEvent = defineCase({
  id: "wire/flush-each-event",
  title: "each delta can be read before the model says the next",
  rules: ["STREAM-1", "STREAM-5"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M33",
  wires: "each",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chatId, watcher } = await watchedChat(context);
    const script = model.script(words.flatMap((word) => [text(word), gate(word.trim().toLowerCase())]));
    await arrange("a message", "response", () => send(context, chatId, script.says("count")));
    let said = "";
    for (const word of words) {
      said += word;
      await arrange(`the model says ${word}`, "response", (signal) =>
        script.reached(word.trim().toLowerCase(), { signal }),
      );
      await waitFor(
        {
          rule: "STREAM-1",
          sentence: `${word}is shown while the model waits`,
          happens: (signal) => watcher.until(word, (_, events) => shownText(events) === said, { signal }),
        },
        "response",
      );
      script.open(word.trim().toLowerCase());
    }
    await waitFor(
      {
        rule: "STREAM-1",
        sentence: "the turn comes to its end",
        happens: (signal) => watcher.settled({ signal }, has(2)),
      },
      "response",
    );
    check("STREAM-5", "each word came once", {
      expected: words.join(""),
      observed: shownText(watcher.events),
    });
  },
});
