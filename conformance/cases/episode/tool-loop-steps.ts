import { gate, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { deltasOf, settledWith } from "../kit/turns.js";
import { shownText, watchedChat } from "../kit/watched-turns.js";

export const toolLoopSteps = defineCase({
  id: "episode/tool-loop-steps",
  title: "each step of a tool loop is an episode of its own, which its commit ends",
  rules: ["STREAM-7", "CHAT-4"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M201",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model } = context;
    const script = model.script(
      [text("Let me look. "), gate("1"), toolCall("look", { at: "here" })],
      [text("And there. "), gate("2"), toolCall("look", { at: "there" })],
      [text("Nothing."), gate("3")],
    );
    const { chat, watcher } = await watchedChat(context);
    await arrange("a message", "response", () => send(context, chat.id, script.says("look")));
    // What is said and committed at once need not be shown before.
    for (const [name, said] of [
      ["1", "Let me look. "],
      ["2", "And there. "],
      ["3", "Nothing."],
    ] as const) {
      await arrange(`"${said}" is shown`, "response", (signal) =>
        watcher.until(said, (view) => shownText(view) === said, { signal }),
      );
      script.open(name);
    }
    await arrange("the turn is over", "response", settledWith(watcher, 6));
    // Each run of deltas between two messages, by their histories, and what was committed after it.
    const steps: { readonly histories: Set<bigint>; readonly attempts: Set<number> }[] = [];
    const roles: number[] = [];
    let open = false;
    for (const event of watcher.events) {
      if (event.case === "message") {
        open = false;
        roles.push(event.value.message?.role ?? 0);
      }
      const [delta] = deltasOf([event]);
      if (delta === undefined) continue;
      if (!open) steps.push({ histories: new Set(), attempts: new Set() });
      open = true;
      steps.at(-1)?.histories.add(delta.episode?.historyVersion ?? 0n);
      steps.at(-1)?.attempts.add(delta.episode?.generationAttempt ?? 0);
    }
    check("STREAM-7", "the steps are committed one by one: calls, results, and the answer", {
      expected: [2, 3, 4, 3, 4, 3],
      observed: roles,
    });
    check("STREAM-7", "the deltas between two commits are of one episode", {
      expected: steps.map(() => 1),
      observed: steps.map(({ histories }) => histories.size),
    });
    const histories = steps.flatMap((step) => [...step.histories]);
    check("STREAM-7", "no episode goes on after a commit", {
      expected: "each later than the one before",
      observed: histories,
      holds:
        histories.length >= 3 && histories.every((version, index) => version > (histories[index - 1] ?? 0n)),
    });
    check("CHAT-4", "each is the first attempt at its step", {
      expected: [1],
      observed: [...new Set(steps.flatMap(({ attempts }) => [...attempts]))],
    });
  },
});
