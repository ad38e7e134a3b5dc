import { gate, httpError, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { edit } from "../kit/edits.js";
import { deltasOf, plainly } from "../kit/turns.js";
import { watchedChat } from "../kit/watched-turns.js";

export const noneInAttemptZero = defineCase({
  id: "episode/none-in-attempt-zero",
  title: "deltas belong to attempts from 1 on: after a failure, between steps, and after an edit",
  rules: ["CHAT-4"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M200",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const script = model.script(
      [text("Never "), gate("failure"), httpError(503, "out of order")],
      [text("Let me look. "), gate("shown"), toolCall("look", { at: "here" })],
      [text("Nothing "), gate("edited"), text("there.")],
    );
    const { chat, watcher } = await watchedChat(context);
    await arrange("a message", "response", () => send(context, chat.id, script.says("look")));
    await arrange("an attempt is shown", "response", (signal) =>
      watcher.until("its deltas", ({ step }) => step !== undefined, { signal }),
    );
    script.open("failure");
    await arrange("the next attempt is shown", "response", (signal) =>
      watcher.until("its deltas", ({ step }) => step?.attempt === 2, { signal }),
    );
    script.open("shown");
    await arrange("the last step runs", "response", (signal) => script.reached("edited", { signal }));
    await arrange("it is shown", "response", (signal) =>
      watcher.until("its deltas", ({ step, messages }) => step !== undefined && messages.size === 3, {
        signal,
      }),
    );
    const [first] = watcher.view.messages.keys();
    const again = model.script([text("Well.")]);
    await arrange("an edit", "response", () => edit(context, chat.id, first, again.says("think")));
    await waitFor(
      {
        rule: "CHAT-4",
        sentence: "the replacement is answered",
        happens: (signal) =>
          watcher.settled({ signal }, (view) => plainly(view.messages.values()).includes("assistant: Well.")),
      },
      "response",
    );
    const attempts = deltasOf(watcher.events).map(({ episode }) => episode?.generationAttempt ?? 0);
    check("CHAT-4", "no delta is of an attempt before the first", {
      expected: [],
      observed: attempts.filter((attempt) => attempt < 1),
    });
    check("CHAT-4", "the failed attempt is counted", {
      expected: "an attempt 2",
      observed: attempts,
      holds: attempts.includes(2),
    });
  },
});
