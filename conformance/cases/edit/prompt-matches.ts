import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { edit, twoTurns } from "../kit/edits.js";
import { promptOf, settledWith } from "../kit/turns.js";

export const promptMatches = defineCase({
  id: "edit/prompt-matches",
  title: "the model is told what was before the edit and the replacement, and nothing that is hidden",
  rules: ["MSG-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M147",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chat, watcher, messages } = await twoTurns(context);
    const again = model.script([text("Dos.")]);
    await arrange("an edit of the second message", "response", () =>
      edit(context, chat.id, messages[2]?.id, again.says("dos")),
    );
    const call = await waitFor(
      {
        rule: "MSG-3",
        sentence: "the model is asked again",
        happens: (signal) => again.call(0, { signal }),
      },
      "response",
    );
    check("MSG-3", "the prompt is the history as it is now", {
      expected: ["user one", "assistant One.", "user dos"],
      observed: promptOf(call).map(({ role, text: said }) => `${role} ${said}`),
    });
    await waitFor(
      { rule: "MSG-3", sentence: "the turn comes to its end", happens: settledWith(watcher, 4) },
      "response",
    );
  },
});
