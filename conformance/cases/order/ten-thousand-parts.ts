import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { partsOf } from "../../transcript/joined-step.js";
import { send, textOf } from "../kit/chats.js";
import { shownSteps, shownText, watchedChat } from "../kit/watched-turns.js";

const segments = 40;
const fragmentsEach = 250;

export const tenThousandParts = defineCase({
  id: "order/ten-thousand-parts",
  title: "a step of ten thousand fragments is delivered without loss, repeat or change of order",
  rules: ["STREAM-5", "STREAM-8"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M28",
  limitMs: 300_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    // Numbered, so that whatever is lost or repeated can be seen. Each segment has a bound of its own.
    const texts = Array.from({ length: segments }, (_, segment) =>
      Array.from({ length: fragmentsEach }, (__, index) => `${segment * fragmentsEach + index} `),
    );
    const script = model.script(
      texts.flatMap((pieces, segment) => [text(pieces.join(""), { pieces }), gate(`after ${segment}`)]),
    );
    const { chat, watcher } = await watchedChat(context);
    await arrange("a message", "response", () => send(context, chat.id, script.says("count")));
    let said = "";
    for (const [segment, pieces] of texts.entries()) {
      said += pieces.join("");
      await arrange("the model has said another segment", "response", (signal) =>
        script.reached(`after ${segment}`, { signal }),
      );
      await waitFor(
        {
          rule: "STREAM-8",
          sentence: "they are shown",
          happens: (signal) =>
            watcher.until("the segment", (view) => shownText(view).length >= said.length, { signal }),
        },
        "response",
      );
      script.open(`after ${segment}`);
    }
    const { messages } = await waitFor(
      {
        rule: "STREAM-8",
        sentence: "the turn comes to its end",
        happens: (signal) => watcher.settled({ signal }, (view) => view.messages.size === 2),
      },
      "response",
    );
    let next = 1n;
    const gaps = watcher.events.flatMap((event) => {
      if (event.case !== "messagePart") return [];
      const { firstSeq, seq } = event.value;
      const found = firstSeq === next && seq >= firstSeq ? [] : [`${firstSeq}–${seq} instead of ${next}`];
      next = seq + 1n;
      return found;
    });
    check("STREAM-5", "the deltas are numbered without gap or repeat", {
      expected: [],
      observed: gaps.slice(0, 5),
    });
    const shown = shownSteps(watcher.events).flatMap((step) => partsOf(step).map((part) => part.text));
    check("STREAM-8", "joined they are what the model said", { expected: said, observed: shown.join("") });
    check("STREAM-8", "and what is committed", {
      expected: said,
      observed: [...messages.values()].slice(1).map(textOf).join(),
    });
  },
});
