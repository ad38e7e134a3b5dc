import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat } from "../kit/chats.js";
import { deltasOf } from "../kit/turns.js";
import { talkShown, watchedChat } from "../kit/watched-turns.js";

export const historyChangeNewEpisode = defineCase({
  id: "episode/history-change-new-episode",
  title: "after a commit attempts are counted anew, in an episode of a later history",
  rules: ["CHAT-4"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M201",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model } = context;
    const { chat, watcher } = await watchedChat(context);
    const histories: bigint[] = [];
    for (const name of ["one", "two", "three"]) {
      const known = watcher.events.length;
      const said = `To ${name}.`;
      const script = model.script([text(said, { codePoints: 1 }), gate("shown")]);
      await talkShown(context, watcher, { script, asks: name, said });
      const episodes = deltasOf(watcher.events.slice(known)).map(({ episode }) => episode);
      const { versions } = await arrange("the chat", "response", () => getChat(context, chat.id));
      check("CHAT-4", `${name}: the answer is the first attempt of its step`, {
        expected: [1],
        observed: [...new Set(episodes.map((episode) => episode?.generationAttempt))],
      });
      check("CHAT-4", `${name}: no attempt at the next step was made`, {
        expected: 0,
        observed: versions?.generationAttempt,
      });
      histories.push(...new Set(episodes.map((episode) => episode?.historyVersion ?? 0n)));
    }
    check("CHAT-4", "each turn is an episode of a later history than the one before", {
      expected: "three versions that grow",
      observed: histories,
      holds:
        histories.length === 3 && histories.every((version, index) => version > (histories[index - 1] ?? 0n)),
    });
  },
});
