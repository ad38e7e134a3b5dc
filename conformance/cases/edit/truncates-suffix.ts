import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history } from "../kit/chats.js";
import { edit, twoTurns } from "../kit/edits.js";
import { plainly } from "../kit/turns.js";

export const truncatesSuffix = defineCase({
  id: "edit/truncates-suffix",
  title:
    "an edit hides the message and everything after it, wherever one looks; what was hidden stays counted",
  rules: ["MSG-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M147",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor, watch } = context;
    const { chat, watcher, messages } = await twoTurns(context);
    const again = model.script([text("Uno.")]);
    await arrange("an edit of the first message", "response", () =>
      edit(context, chat.id, messages[0]?.id, again.says("uno")),
    );
    const view = await waitFor(
      {
        rule: "MSG-3",
        sentence: "the replacement is answered",
        happens: (signal) =>
          watcher.settled({ signal }, (now) => plainly(now.messages.values()).includes("assistant: Uno.")),
      },
      "response",
    );
    const expected = ["user: uno", "assistant: Uno."];
    check("MSG-3", "for whoever was there", { expected, observed: plainly(view.messages.values()) });
    const late = watch(chat.id);
    const snapshot = await arrange("a snapshot", "response", (signal) => late.caughtUp({ signal }));
    check("MSG-3", "for whoever comes", { expected, observed: plainly(snapshot.messages.values()) });
    const after = await arrange("the history", "response", () => history(context, chat.id));
    check("MSG-3", "in the list", { expected, observed: plainly(after) });
    const hidden = messages.at(-1)?.id ?? 0n;
    check("MSG-3", "no id is given again", {
      expected: `ids after ${hidden}`,
      observed: after.map(({ id }) => id),
      holds: after.every(({ id }) => id > hidden),
    });
  },
});
