import { gate, reasoning, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { describeMessages, partsOf } from "../../transcript/joined-step.js";
import { messagesTold, partInWords, shownSteps, talkShown, watchedChat } from "../kit/watched-turns.js";

const thought = "hm \u{1f914}.";
const said = "né \u{1f44d}\u{1f3fd}, \u{1f469}\u200d\u{1f52c} and \u{1d11e}\u{1d11e}";

export const splitCodePoint = defineCase({
  id: "order/split-code-point",
  title: "a code point that the model splits over two fragments is delivered whole",
  rules: ["STREAM-16"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M128",
  limitMs: 30_000,
  run: async (context) => {
    const { check, model } = context;
    // Each fragment is one UTF-16 unit, and the bytes on the wire are cut wherever it happens to be.
    const script = model.script({
      steps: [reasoning(thought, { units: 1 }), text(said, { units: 1 }), gate("shown")],
      chunkBytes: [7, 64, 1, 33],
    });
    const { watcher } = await watchedChat(context);
    await talkShown(context, watcher, { script, asks: "say it", said: thought + said });
    const fragments = watcher.events.flatMap((event) => {
      const kind = event.case === "messagePart" ? event.value.part?.kind : undefined;
      return kind?.case === "text" || kind?.case === "reasoning" ? [kind.value.text] : [];
    });
    check("STREAM-16", "no delta has half of a code point, or a mark in its place", {
      expected: [],
      observed: fragments.filter((fragment) => !fragment.isWellFormed() || fragment.includes("\ufffd")),
    });
    const whole = [`reasoning ${thought}`, `text ${said}`];
    const [step] = shownSteps(watcher.events);
    check("STREAM-16", "the joined deltas are what the model said", {
      expected: whole,
      observed: step === undefined ? [] : partsOf(step).map(partInWords),
    });
    check("STREAM-16", "and so is the message", {
      expected: whole,
      observed: describeMessages(messagesTold(watcher.events).slice(1)).map(partInWords),
    });
  },
});
