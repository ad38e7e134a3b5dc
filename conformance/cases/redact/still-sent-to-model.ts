import { reasoning, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { has, watchedChat } from "../kit/subscriptions.js";

export const stillSentToModel = defineCase({
  id: "redact/still-sent-to-model",
  title: "what is hidden from clients is in the next prompt, byte for byte",
  rules: ["PART-4"],
  level: "MUST",
  profile: "core",
  needs: ["model", "anthropic"],
  mutant: "M27",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, canary, check, model, waitFor } = context;
    const signature = canary();
    const { chatId, watcher } = await watchedChat(context, { dialect: "anthropic" });
    const first = model.script([reasoning("a thought", { signature }), text("said")]);
    await arrange("a message", "response", () => send(context, chatId, first.says("think")));
    await arrange("its turn", "response", (signal) => watcher.settled({ signal }, has(2)));
    const second = model.script([text("done")]);
    await arrange("another message", "response", () => send(context, chatId, second.says("go on")));
    const { body } = await waitFor(
      {
        rule: "PART-4",
        sentence: "the model is asked again",
        happens: (signal) => second.call(0, { signal }),
      },
      "response",
    );
    check("PART-4", "the prompt holds the reasoning with its signature", {
      expected: [{ type: "thinking", thinking: "a thought", signature }],
      observed: thoughtsIn(body),
    });
    await waitFor(
      { rule: "PART-4", sentence: "the turn ends", happens: (signal) => watcher.settled({ signal }, has(4)) },
      "response",
    );
  },
});

/** The blocks of reasoning in a prompt, without what else may stand there. */
function thoughtsIn(body: Readonly<Record<string, unknown>>): unknown[] {
  const messages = (body["messages"] ?? []) as readonly { readonly content: unknown }[];
  return messages
    .flatMap(({ content }) => (Array.isArray(content) ? (content as Record<string, unknown>[]) : []))
    .filter(({ type }) => type === "thinking")
    .map(({ type, thinking, signature }) => ({ type, thinking, signature }));
}
