import type { Message } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history } from "../kit/chats.js";
import { edit, twoTurns } from "../kit/edits.js";
import { plainly } from "../kit/turns.js";

export const keepsPrefix = defineCase({
  id: "edit/keeps-prefix",
  title: "messages before an edit stay as they are",
  rules: ["MSG-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M148",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chat, watcher, messages } = await twoTurns(context);
    const again = model.script([text("Dos.")]);
    await arrange("an edit of the second message", "response", () =>
      edit(context, chat.id, messages[2]?.id, again.says("dos")),
    );
    const view = await waitFor(
      {
        rule: "MSG-3",
        sentence: "the replacement is answered",
        happens: (signal) =>
          watcher.settled({ signal }, (now) => plainly(now.messages.values()).includes("assistant: Dos.")),
      },
      "response",
    );
    const expected = asKept(messages.slice(0, 2));
    const after = await arrange("the history", "response", () => history(context, chat.id));
    check("MSG-3", "in the list", { expected, observed: asKept(after.slice(0, -2)) });
    check("MSG-3", "for whoever watches", {
      expected,
      observed: asKept([...view.messages.values()].slice(0, -2)),
    });
  },
});

function asKept(messages: readonly Message[]) {
  return messages.map((message) => ({
    id: message.id,
    revision: message.revision,
    says: plainly([message]).join(""),
  }));
}
