import { text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { deltasOf } from "../kit/turns.js";
import { talk, watchedChat } from "../kit/watched-turns.js";

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
    const { check, model } = context;
    const script = model.script(
      [text("Let me look. "), toolCall("look", { at: "here" })],
      [text("And there. "), toolCall("look", { at: "there" })],
      [text("Nothing.")],
    );
    const { watcher } = await watchedChat(context);
    await talk(context, watcher, script.says("look"), { added: 6 });
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
