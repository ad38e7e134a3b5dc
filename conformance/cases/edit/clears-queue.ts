import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send } from "../kit/chats.js";
import { edit } from "../kit/edits.js";
import { plainly, runningTurn, waiting } from "../kit/turns.js";

export const clearsQueue = defineCase({
  id: "edit/clears-queue",
  title: "an edit empties the queue, and watchers are told",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M20",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chat, watcher } = await runningTurn(context);
    const queued = model.script([text("To the one that waited.")]);
    await arrange("a message waits", "response", async () =>
      waiting(await send(context, chat.id, queued.says("wait"))),
    );
    await arrange("the watcher knows of it", "response", (signal) =>
      watcher.until("the queue", ({ queue }) => queue.length === 1, { signal }),
    );
    const [first] = watcher.view.messages.keys();
    const again = model.script([text("Uno.")]);
    await arrange("an edit", "response", () => edit(context, chat.id, first, again.says("uno")));
    const view = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "the replacement is answered, and nothing goes on",
        happens: (signal) =>
          watcher.settled({ signal }, (now) => plainly(now.messages.values()).includes("assistant: Uno.")),
      },
      "response",
    );
    check("CHAT-1", "the watcher knows of an empty queue", { expected: [], observed: view.queue });
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("CHAT-1", "what waited did not run", {
      expected: ["user: uno", "assistant: Uno."],
      observed: plainly(messages),
    });
  },
});
