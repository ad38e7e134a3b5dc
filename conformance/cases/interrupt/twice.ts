import { defineCase } from "../../suite/cases/define-case.js";
import { history } from "../kit/chats.js";
import { interrupt, plainly, runningTurn } from "../kit/turns.js";
import { refusalInWords, refusalOf } from "../kit/watched-turns.js";

const atOnce = 6;

export const twice = defineCase({
  id: "interrupt/twice",
  title: "several interrupts make one partial",
  rules: ["INT-5"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M133",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const { chat, watcher } = await runningTurn(context);
    const outcomes = await waitFor(
      {
        rule: "INT-5",
        sentence: "interrupts at the same time are answered",
        happens: () =>
          Promise.all(
            Array.from({ length: atOnce }, async () =>
              refusalInWords(await refusalOf(interrupt(context, chat.id))),
            ),
          ),
      },
      "response",
    );
    // One that comes when the first was carried out finds an idle chat.
    const unexpected = outcomes.filter(
      (outcome) => outcome !== "accepted" && outcome !== "FAILED_PRECONDITION NOT_RUNNING",
    );
    check("INT-5", "each is accepted, or too late", { expected: [], observed: unexpected });
    check("INT-5", "one is accepted", {
      expected: "accepted",
      observed: outcomes,
      holds: outcomes.includes("accepted"),
    });
    await waitFor(
      { rule: "INT-5", sentence: "the turn ends", happens: (signal) => watcher.settled({ signal }) },
      "response",
    );
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("INT-5", "there is one partial", {
      expected: ["user: count", "assistant (interrupted): One two "],
      observed: plainly(messages),
    });
  },
});
