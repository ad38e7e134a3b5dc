import { defineCase } from "../../suite/cases/define-case.js";
import { history } from "../kit/chats.js";
import { interrupt, plainly, runningTurn } from "../kit/turns.js";

export const partialCommitted = defineCase({
  id: "interrupt/partial-committed",
  title: "what was generated before an interrupt is committed, marked interrupted",
  rules: ["INT-2"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M131",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const { chat, watcher } = await runningTurn(context);
    await arrange("an interrupt", "response", () => interrupt(context, chat.id));
    const view = await waitFor(
      { rule: "INT-2", sentence: "the turn ends", happens: (signal) => watcher.settled({ signal }) },
      "response",
    );
    const expected = ["user: count", "assistant (interrupted): One two "];
    check("INT-2", "watchers are told the partial", { expected, observed: plainly(view.messages.values()) });
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("INT-2", "the history has it", { expected, observed: plainly(messages) });
  },
});
