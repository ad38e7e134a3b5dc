import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat } from "../kit/chats.js";
import { edit, twoTurns } from "../kit/edits.js";
import { plainly } from "../kit/turns.js";
import { refusalInWords, refusalOf } from "../kit/watched-turns.js";

export const unknownMessage = defineCase({
  id: "edit/unknown-message",
  title: "a message that never was, or was hidden, cannot be edited",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M130",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chat, watcher, messages } = await twoTurns(context);
    const again = model.script([text("Uno.")]);
    await arrange("an edit of the first message", "response", async (signal) => {
      await edit(context, chat.id, messages[0]?.id, again.says("uno"));
      await watcher.settled({ signal }, (view) =>
        plainly(view.messages.values()).includes("assistant: Uno."),
      );
    });
    const before = await arrange("the chat", "response", () => getChat(context, chat.id));
    const targets = {
      "the edited message": messages[0]?.id,
      "a message after it": messages[2]?.id,
      "a message that never was": 1_000_000n,
    };
    for (const [what, id] of Object.entries(targets)) {
      const refusal = await waitFor(
        {
          rule: "CHAT-1",
          sentence: `an edit of ${what} is answered`,
          happens: () => refusalOf(edit(context, chat.id, id, "again")),
        },
        "response",
      );
      check("CHAT-1", `${what} is not to be found`, {
        expected: "NOT_FOUND MESSAGE_NOT_FOUND",
        observed: refusalInWords(refusal),
      });
    }
    const after = await arrange("the chat", "response", () => getChat(context, chat.id));
    check("CHAT-1", "nothing has changed", { expected: before, observed: after });
  },
});
