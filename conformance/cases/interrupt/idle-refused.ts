import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, getChat } from "../kit/chats.js";
import { interrupt } from "../kit/turns.js";
import { refusalInWords, refusalOf } from "../kit/watched-turns.js";

export const idleRefused = defineCase({
  id: "interrupt/idle-refused",
  title: "an idle chat refuses to be interrupted, and does not change",
  rules: ["INT-6"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M132",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const chat = await arrange("an idle chat", "response", () => createChat(context));
    const refusal = await waitFor(
      {
        rule: "INT-6",
        sentence: "an interrupt is answered",
        happens: () => refusalOf(interrupt(context, chat.id)),
      },
      "response",
    );
    check("INT-6", "it is refused", {
      expected: "FAILED_PRECONDITION NOT_RUNNING",
      observed: refusalInWords(refusal),
    });
    const after = await arrange("the chat", "response", () => getChat(context, chat.id));
    check("INT-6", "nothing has changed", { expected: chat, observed: after });
  },
});
