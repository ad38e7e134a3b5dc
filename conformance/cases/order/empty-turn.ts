import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { Role } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat, history, send, textOf } from "../kit/chats.js";
import { talk, watchedChat } from "../kit/watched-turns.js";

export const emptyTurn = defineCase({
  id: "order/empty-turn",
  title: "a turn in which the model says nothing ends, and the chat goes on",
  rules: ["CHAT-6", "PART-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M115",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const script = model.script([], [text("I am here.")]);
    const { chat, watcher } = await watchedChat(context);
    await arrange("a message", "response", () => send(context, chat.id, script.says("hello")));
    await arrange("the model has said nothing", "response", async (signal) => {
      const call = await script.call(0, { signal });
      return call.ended({ signal });
    });
    const { status } = await waitFor(
      {
        rule: "CHAT-6",
        sentence: "the turn comes to its end",
        happens: async (signal) => {
          for (;;) {
            signal.throwIfAborted();
            const now = await getChat(context, chat.id);
            if (now.status !== ChatStatus.PENDING && now.status !== ChatStatus.RUNNING) return now;
          }
        },
      },
      "response",
    );
    check("CHAT-6", "the chat is idle", { expected: ChatStatus.WAITING, observed: status });
    const messages = await waitFor(
      { rule: "PART-1", sentence: "the history can be read", happens: () => history(context, chat.id) },
      "response",
    );
    const answers = messages.slice(1);
    check("PART-1", "there is no answer, or one that says nothing", {
      expected: "at most one, without text and readable",
      observed: answers.map((message) => ({
        role: message.role,
        text: textOf(message),
        error: message.contentError,
      })),
      holds:
        answers.length <= 1 &&
        answers.every(
          (message) =>
            message.role === Role.ASSISTANT && textOf(message) === "" && message.contentError === "",
        ),
    });
    await arrange("the watcher knows as much", "response", (signal) =>
      watcher.settled({ signal }, (view) => view.messages.size === messages.length),
    );
    await talk(context, watcher, script.says("are you there?"));
    check("CHAT-6", "the next message is answered", {
      expected: "I am here.",
      observed: [...watcher.view.messages.values()].slice(-1).map(textOf).join(),
    });
  },
});
