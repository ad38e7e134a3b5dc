import type { Chat } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import type { Message } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, history, send, told } from "../kit/chats.js";

export const sendVisibleAfterAck = defineCase({
  id: "lifecycle/send-visible-after-ack",
  title: "a message that was acknowledged is in the history",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M116",
  limitMs: 30_000,
  run: async (context) => {
    const { check, waitFor } = context;
    const { chat, message } = await sendOne(context);
    const messages = await waitFor(
      { rule: "CHAT-1", sentence: "the history can be read", happens: () => history(context, chat.id) },
      "response",
    );
    // Whatever answers it may be there already.
    check("CHAT-1", "the message has entered the history, as it was acknowledged", {
      expected: { id: message?.id, said: ["user: hello"] },
      observed: { id: messages[0]?.id, said: told(messages.slice(0, 1)) },
    });
  },
});

export const sendVisibleOtherReplica = defineCase({
  id: "lifecycle/send-visible-other-replica",
  title: "a message that was acknowledged is in the history on every replica",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "cluster",
  needs: ["replicas"],
  mutant: "M116",
  limitMs: 60_000,
  run: async (context) => {
    const { check, replica, waitFor } = context;
    const { chat, message } = await sendOne(context);
    const first = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "another replica has the message in the chat's history",
        happens: async (signal) => {
          for (;;) {
            signal.throwIfAborted();
            const messages = await history(context, chat.id, { replica: replica(1) });
            if (messages[0] !== undefined) return messages[0];
          }
        },
      },
      "notify_poll",
    );
    check("CHAT-1", "it is the message that was acknowledged", {
      expected: { id: message?.id, said: ["user: hello"] },
      observed: { id: first.id, said: told([first]) },
    });
  },
});

async function sendOne(
  context: CaseContext<"CHAT-1">,
): Promise<{ readonly chat: Chat; readonly message: Message | undefined }> {
  const { arrange, check } = context;
  const chat = await arrange("a chat", "response", () => createChat(context));
  const { outcome } = await arrange("a message", "response", () => send(context, chat.id, "hello"));
  check("CHAT-1", "an idle chat takes a message into its history", {
    expected: "message",
    observed: outcome.case,
  });
  return { chat, message: outcome.case === "message" ? outcome.value : undefined };
}
