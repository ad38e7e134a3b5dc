import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { interrupt, runningTurn } from "../kit/turns.js";

export const interruptingIsBrief = defineCase({
  id: "status/interrupting-is-brief",
  title: "an interrupted chat is idle soon, though its model goes on forever",
  rules: ["CHAT-6"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M18",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const { chat, watcher } = await runningTurn(context);
    await arrange("an interrupt", "response", () => interrupt(context, chat.id));
    const view = await waitFor(
      {
        rule: "CHAT-6",
        sentence: "the interrupt is carried out",
        happens: (signal) => watcher.settled({ signal }),
      },
      "response",
    );
    check("CHAT-6", "the chat waits for its user", {
      expected: ChatStatus[ChatStatus.WAITING],
      observed: ChatStatus[view.status],
    });
  },
});
