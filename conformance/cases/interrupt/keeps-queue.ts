import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send } from "../kit/chats.js";
import { interrupt, plainly, runningTurn, waiting } from "../kit/turns.js";

export const keepsQueue = defineCase({
  id: "interrupt/keeps-queue",
  title: "what waits when a turn is interrupted runs after it, in order",
  rules: ["INT-5"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M136",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chat, watcher } = await runningTurn(context);
    for (const name of ["second", "third"]) {
      const script = model.script([text(`To the ${name}.`)]);
      await arrange(`the ${name} message waits`, "response", async () =>
        waiting(await send(context, chat.id, script.says(name))),
      );
    }
    await arrange("an interrupt", "response", () => interrupt(context, chat.id));
    await waitFor(
      {
        rule: "INT-5",
        sentence: "the chat is idle, and nothing waits",
        happens: (signal) =>
          watcher.settled({ signal }, ({ messages, queue }) => messages.size >= 2 && queue.length === 0),
      },
      "response",
    );
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("INT-5", "the queue was kept", {
      expected: [
        "user: count",
        "assistant (interrupted): One two ",
        "user: second",
        "assistant: To the second.",
        "user: third",
        "assistant: To the third.",
      ],
      observed: plainly(messages),
    });
  },
});
