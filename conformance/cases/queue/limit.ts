import { defineCase } from "../../suite/cases/define-case.js";
import { getChat, send } from "../kit/chats.js";
import { runningTurn, waiting } from "../kit/turns.js";
import { refusalInWords, refusalOf } from "../kit/watched-turns.js";

/** Of the transition table. */
const places = 20;

export const limit = defineCase({
  id: "queue/limit",
  title: "the queue takes 20 messages, and refuses the next with the limit",
  rules: ["CHAT-1", "ERR-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M143",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const { chat } = await runningTurn(context);
    for (let place = 1; place <= places; place += 1)
      await waitFor(
        {
          rule: "CHAT-1",
          sentence: `message ${place} has a place`,
          happens: async () => waiting(await send(context, chat.id, `number ${place}`)),
        },
        "response",
      );
    const full = await arrange("the chat", "response", () => getChat(context, chat.id));
    const refusal = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "one more is answered",
        happens: () => refusalOf(send(context, chat.id, "one too many")),
      },
      "response",
    );
    check("CHAT-1", "it is refused", {
      expected: "RESOURCE_EXHAUSTED QUEUE_FULL",
      observed: refusalInWords(refusal),
    });
    check("ERR-1", "the error says how many there may be", {
      expected: String(places),
      observed: refusal?.metadata["limit"],
    });
    const after = await arrange("the chat", "response", () => getChat(context, chat.id));
    check("CHAT-1", "it has changed nothing", { expected: full.versions, observed: after.versions });
  },
});
