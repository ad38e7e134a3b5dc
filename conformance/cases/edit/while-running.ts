import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history } from "../kit/chats.js";
import { edit } from "../kit/edits.js";
import { deltasOf, plainly, runningTurn, takeTurns } from "../kit/turns.js";

export const whileRunning = defineCase({
  id: "edit/while-running",
  title: "an edit discards the running answer, of which nothing more is heard",
  rules: ["INT-7"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M149",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, never, fence, waitFor } = context;
    const { chat, script, watcher } = await runningTurn(context);
    const [first] = watcher.view.messages.keys();
    const old = deltasOf(watcher.events)[0]?.episode?.historyVersion;
    const again = model.script([text("Uno.")]);
    await arrange("an edit", "response", () => edit(context, chat.id, first, again.says("uno")));
    await waitFor(
      {
        rule: "INT-7",
        sentence: "the replacement is answered, though the old answer never ended",
        happens: (signal) =>
          watcher.settled({ signal }, ({ messages }) =>
            plainly(messages.values()).includes("assistant: Uno."),
          ),
      },
      "response",
    );
    script.open("middle");
    await fence("another turn has ended", "response", () => takeTurns(context, watcher, { two: "Two." }));
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("INT-7", "nothing of the old answer is kept", {
      expected: ["user: uno", "assistant: Uno.", "user: two", "assistant: Two."],
      observed: plainly(messages),
    });
    const { events } = watcher;
    const reset = events.findIndex((event) => event.case === "historyReset");
    check("INT-7", "the history was taken back", { expected: true, observed: reset !== -1 });
    never(
      "INT-7",
      "a delta of the old answer comes after that",
      deltasOf(events.slice(reset)).filter(({ episode }) => episode?.historyVersion === old),
    );
  },
});
