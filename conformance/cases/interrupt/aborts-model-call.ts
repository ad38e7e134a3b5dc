import { defineCase } from "../../suite/cases/define-case.js";
import { interrupt, runningTurn } from "../kit/turns.js";

export const abortsModelCall = defineCase({
  id: "interrupt/aborts-model-call",
  title: "an interrupt ends the call to the model",
  rules: ["INT-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M18",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const { chat, call } = await runningTurn(context);
    await arrange("an interrupt", "response", () => interrupt(context, chat.id));
    const end = await waitFor(
      {
        rule: "INT-1",
        sentence: "the call to the provider is aborted",
        happens: (signal) => call.ended({ signal }),
      },
      "interrupt",
    );
    check("INT-1", "it is the caller who leaves", { expected: "aborted", observed: end.how });
  },
});
