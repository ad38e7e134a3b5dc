import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history } from "../kit/chats.js";
import { edit, twoTurns } from "../kit/edits.js";
import { plainly } from "../kit/turns.js";
import { refusalInWords, refusalOf } from "../kit/watched-turns.js";

const words = ["uno", "eins"] as const;

export const concurrent = defineCase({
  id: "edit/concurrent",
  title: "of two edits of one message at once, one wins, and the history is its own",
  rules: ["CHAT-1", "MSG-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M130",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chat, watcher, messages } = await twoTurns(context);
    const outcomes = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "both edits are answered",
        happens: () =>
          Promise.all(
            words.map(async (word) => {
              const script = model.script([text(`To ${word}.`)]);
              return refusalInWords(
                await refusalOf(edit(context, chat.id, messages[0]?.id, script.says(word))),
              );
            }),
          ),
      },
      "response",
    );
    check("CHAT-1", "one is done; to the other the message is hidden", {
      expected: ["NOT_FOUND MESSAGE_NOT_FOUND", "accepted"],
      observed: outcomes.toSorted(),
    });
    const won = words[outcomes.indexOf("accepted")] ?? "none";
    await waitFor(
      {
        rule: "MSG-3",
        sentence: "the one that won is answered",
        happens: (signal) =>
          watcher.settled({ signal }, (view) =>
            plainly(view.messages.values()).includes(`assistant: To ${won}.`),
          ),
      },
      "response",
    );
    const after = await arrange("the history", "response", () => history(context, chat.id));
    check("MSG-3", "the history is that of one edit", {
      expected: [`user: ${won}`, `assistant: To ${won}.`],
      observed: plainly(after),
    });
  },
});
