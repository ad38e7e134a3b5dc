import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, textOf } from "../kit/chats.js";
import { partInWords, shownSteps, talkShown, watchedChat } from "../kit/watched-turns.js";
import { partsOf } from "../../transcript/joined-step.js";

/** Whatever somebody might tidy up. */
const odd =
  ' \n\tTwo  spaces, \r\n a tab\t, e\u0301 and \u00e9, \ue000, \u0000, \u{1d11e}, \u{1f469}\u200d\u{1f52c}. {"a": 1} \\n \n ';

export const commitEqualsParts = defineCase({
  id: "order/commit-equals-parts",
  title: "the joined deltas are the committed text, byte for byte",
  rules: ["STREAM-8"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M122",
  limitMs: 30_000,
  run: async (context) => {
    const { check, model, waitFor } = context;
    const script = model.script([text(odd, { codePoints: 1 }), gate("shown")]);
    const { chat, watcher } = await watchedChat(context);
    await talkShown(context, watcher, { script, asks: "be odd", said: odd });
    const shown = shownSteps(watcher.events).flatMap((step) => partsOf(step).map(partInWords));
    const [, answer] = [...watcher.view.messages.values()];
    const committed = answer === undefined ? undefined : textOf(answer);
    check("STREAM-8", "what is shown is what the model said", { expected: [`text ${odd}`], observed: shown });
    check("STREAM-8", "what is committed is what was shown", { expected: odd, observed: committed });
    const messages = await waitFor(
      { rule: "STREAM-8", sentence: "the history can be read", happens: () => history(context, chat.id) },
      "response",
    );
    check("STREAM-8", "and the same when it is read again", {
      expected: odd,
      observed: messages.slice(1).map(textOf).join(),
    });
  },
});
