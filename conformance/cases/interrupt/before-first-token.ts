import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat, history } from "../kit/chats.js";
import { interrupt, plainly, runningTurn } from "../kit/turns.js";

export const beforeFirstToken = defineCase({
  id: "interrupt/before-first-token",
  title: "an interrupt before the first token leaves no partial",
  rules: ["INT-6"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M134",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const { chat, watcher } = await runningTurn(context, { before: [] });
    await arrange("the watcher knows that it runs", "response", (signal) =>
      watcher.until("RUNNING", ({ status }) => status === ChatStatus.RUNNING, { signal }),
    );
    await arrange("an interrupt", "response", () => interrupt(context, chat.id));
    const view = await waitFor(
      {
        rule: "INT-6",
        sentence: "the chat is idle",
        happens: (signal) =>
          watcher.until("WAITING", (now) => now.status === ChatStatus.WAITING && now, { signal }),
      },
      "response",
    );
    const expected = ["user: count"];
    check("INT-6", "nobody is told a partial", { expected, observed: plainly(view.messages.values()) });
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("INT-6", "the history has none", { expected, observed: plainly(messages) });
    const after = await arrange("the chat", "response", () => getChat(context, chat.id));
    check("INT-6", "the chat waits for its user", { expected: ChatStatus.WAITING, observed: after.status });
  },
});
