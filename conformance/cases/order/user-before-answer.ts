import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send, told } from "../kit/chats.js";
import { messagesTold, watchedChat } from "../kit/watched-turns.js";

export const userBeforeAnswer = defineCase({
  id: "order/user-before-answer",
  title: "an answer never comes before what it answers, live and when the chat is read again",
  rules: ["MSG-1", "STREAM-2", "STREAM-11"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M123",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, model, waitFor, watch } = context;
    const script = model.script([text("first "), gate("middle"), text("answer")], [text("second answer")]);
    const { chat, watcher } = await watchedChat(context);
    const [one, two] = [script.says("one"), script.says("two")];
    await arrange("a message", "response", () => send(context, chat.id, one));
    await arrange("the model is in the middle", "response", (signal) => script.reached("middle", { signal }));
    // Sent before the first was answered, and yet its turn comes after that.
    await arrange("another message, which waits", "response", () => send(context, chat.id, two));
    script.open("middle");
    await waitFor(
      {
        rule: "STREAM-11",
        sentence: "both are answered",
        happens: (signal) => watcher.settled({ signal }, ({ messages }) => messages.size === 4),
      },
      "response",
    );
    const order = [`user: ${one}`, "assistant: first answer", `user: ${two}`, "assistant: second answer"];
    check("STREAM-11", "each answer comes after its message", {
      expected: order,
      observed: told(messagesTold(watcher.events)),
    });
    const messages = await waitFor(
      { rule: "MSG-1", sentence: "the history can be read", happens: () => history(context, chat.id) },
      "response",
    );
    check("MSG-1", "the history has them in the same order", { expected: order, observed: told(messages) });
    check("MSG-1", "their ids increase", {
      expected: messages.map(({ id }) => id).toSorted((a, b) => Number(a - b)),
      observed: messages.map(({ id }) => id),
    });
    const late = watch(chat.id);
    await waitFor(
      { rule: "STREAM-2", sentence: "somebody comes late", happens: (signal) => late.caughtUp({ signal }) },
      "response",
    );
    check("STREAM-2", "who comes late is told them in the same order", {
      expected: order,
      observed: told(messagesTold(late.events)),
    });
  },
});
