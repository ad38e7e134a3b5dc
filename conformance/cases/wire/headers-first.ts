import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, send } from "../kit/chats.js";
import { kindsOf } from "../kit/subscriptions.js";

export const headersFirst = defineCase({
  id: "wire/headers-first",
  title: "headers and the first status come at once, also while the model says nothing",
  rules: ["STREAM-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M159",
  wires: "each",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor, watch } = context;
    const { id: chatId } = await arrange("a chat", "response", () => createChat(context));
    const script = model.script([gate("silent"), text("late")]);
    await arrange("a message", "response", () => send(context, chatId, script.says("go")));
    await arrange("the model is silent", "response", (signal) => script.reached("silent", { signal }));
    const watcher = watch(chatId);
    await waitFor(
      {
        rule: "STREAM-1",
        sentence: "the first event comes while the model is silent",
        happens: (signal) => watcher.until("an event", (_, events) => events.length > 0, { signal }),
      },
      "response",
    );
    check("STREAM-1", "headers come before it", {
      expected: ["headers", "message"],
      observed: watcher.call.frames.slice(0, 2).map(({ kind }) => kind),
    });
    check("STREAM-1", "it is the status", { expected: "status", observed: kindsOf(watcher.events)[0] });
    script.open("silent");
    await waitFor(
      {
        rule: "STREAM-1",
        sentence: "the turn comes to its end",
        happens: (signal) => watcher.settled({ signal }, ({ messages }) => messages.size === 2),
      },
      "response",
    );
  },
});
