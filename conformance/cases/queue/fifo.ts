import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send } from "../kit/chats.js";
import { plainly, promptOf, runningTurn, settledWith, waiting } from "../kit/turns.js";

const names = ["second", "third", "fourth"] as const;

export const fifo = defineCase({
  id: "queue/fifo",
  title: "messages that wait run in order, one in each turn",
  rules: ["CHAT-5"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M139",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chat, script, watcher } = await runningTurn(context);
    const scripts = names.map((name) => model.script([text(`To the ${name}.`)]));
    for (const [index, next] of scripts.entries())
      await arrange("a message waits", "response", async () =>
        waiting(await send(context, chat.id, next.says(names[index] ?? ""))),
      );
    script.open("middle");
    await waitFor(
      { rule: "CHAT-5", sentence: "all turns come to their end", happens: settledWith(watcher, 8) },
      "response",
    );
    const expected = [
      "user: count",
      "assistant: One two three four",
      ...names.flatMap((name) => [`user: ${name}`, `assistant: To the ${name}.`]),
    ];
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("CHAT-5", "each has a turn of its own, in order", { expected, observed: plainly(messages) });
    check("CHAT-5", "when a message runs, those after it are still unknown to the model", {
      expected: [3, 5, 7],
      observed: scripts.map(({ calls }) => calls.flatMap((call) => promptOf(call)).length),
    });
  },
});
