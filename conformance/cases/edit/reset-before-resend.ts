import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { edit, twoTurns } from "../kit/edits.js";
import { plainly } from "../kit/turns.js";

export const resetBeforeResend = defineCase({
  id: "edit/reset-before-resend",
  title: "watchers of an edited chat are told to forget the history before they get the new one",
  rules: ["STREAM-11"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M20",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chat, watcher, messages } = await twoTurns(context);
    const known = watcher.events.length;
    const again = model.script([text("Dos.")]);
    await arrange("an edit of the second message", "response", () =>
      edit(context, chat.id, messages[2]?.id, again.says("dos")),
    );
    await waitFor(
      {
        rule: "STREAM-11",
        sentence: "the replacement is answered",
        happens: (signal) =>
          watcher.settled({ signal }, (view) => plainly(view.messages.values()).includes("assistant: Dos.")),
      },
      "response",
    );
    const told = watcher.events.slice(known).flatMap((event) => {
      if (event.case === "historyReset") return ["forget all"];
      return event.case === "message" && event.value.message !== undefined
        ? plainly([event.value.message])
        : [];
    });
    check("STREAM-11", "the whole history follows one reset", {
      expected: ["forget all", "user: one", "assistant: One.", "user: dos", "assistant: Dos."],
      observed: told,
    });
  },
});
