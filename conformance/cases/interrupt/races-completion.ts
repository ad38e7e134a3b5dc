import type { Message } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, textOf } from "../kit/chats.js";
import { interrupt, runningTurn } from "../kit/turns.js";
import { refusalInWords, refusalOf } from "../kit/watched-turns.js";

const whole = "One two three four";

/** How far apart the two are: at once, or the second when the first has been answered. */
const rounds = ["at once", "answered", "at once", "at once"] as const;

export const racesCompletion = defineCase({
  id: "interrupt/races-completion",
  title: "an interrupt at the end of a turn gives a whole answer or an interrupted one, and always one",
  rules: ["INT-5"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M131",
  gates: ["finish", "interrupt"],
  limitMs: 120_000,
  run: async (context) => {
    const { arrange, check, order, waitFor } = context;
    for (const [round, distance] of rounds.entries()) {
      const { chat, script, call, watcher } = await runningTurn(context);
      const finish = async (signal: AbortSignal) => {
        script.open("middle");
        await call.ended({ signal });
      };
      let outcome = "";
      const stop = async () => {
        outcome = refusalInWords(await refusalOf(interrupt(context, chat.id)));
      };
      await arrange(`round ${round}: the end of the answer and an interrupt`, "response", async (signal) => {
        const [first, second] = order[0] === "finish" ? [finish, stop] : [stop, finish];
        const begun = first(signal);
        if (distance === "answered") await begun;
        await Promise.all([begun, second(signal)]);
      });
      await waitFor(
        {
          rule: "INT-5",
          sentence: "the turn ends",
          happens: (signal) => watcher.settled({ signal }, ({ messages }) => messages.size >= 1),
        },
        "response",
      );
      const messages = await arrange("the history", "response", () => history(context, chat.id));
      check("INT-5", `round ${round}: the answer is whole, or interrupted`, {
        expected: "one answer: all of the text, or an interrupt that was accepted and what there was",
        observed: [outcome, ...messages.map((message) => `${message.interrupted} ${textOf(message)}`)],
        holds: isOneOutcome(outcome, messages),
      });
    }
  },
});

function isOneOutcome(outcome: string, messages: readonly Message[]): boolean {
  const [, answer, ...more] = messages;
  if (answer === undefined || more.length > 0) return false;
  const content = textOf(answer);
  // Accepted between the commit of the answer and the end of the turn, an interrupt finds nothing to commit.
  if (!answer.interrupted)
    return content === whole && /^(accepted|FAILED_PRECONDITION NOT_RUNNING)$/.test(outcome);
  return outcome === "accepted" && content.startsWith("One two ") && whole.startsWith(content);
}
