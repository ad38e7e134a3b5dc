import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat } from "../kit/chats.js";
import { deltasOf, runningTurn, settledWith } from "../kit/turns.js";

export const idOnEveryPart = defineCase({
  id: "episode/id-on-every-part",
  title: "each delta names the attempt that makes it, as the chat's versions name it, and its number",
  rules: ["CHAT-4", "STREAM-5"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M200",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const { chat, script, watcher } = await runningTurn(context, {
      before: [text("One two three ", { codePoints: 2 })],
      after: [text("four five", { codePoints: 2 })],
    });
    const { versions } = await arrange("the running chat", "response", () => getChat(context, chat.id));
    script.open("middle");
    await waitFor(
      { rule: "STREAM-5", sentence: "the turn comes to its end", happens: settledWith(watcher, 2) },
      "response",
    );
    const deltas = deltasOf(watcher.events);
    const named = deltas.map(
      ({ episode }) => `${episode?.historyVersion} attempt ${episode?.generationAttempt}`,
    );
    check("CHAT-4", "the attempt is the one that the chat is at", {
      expected: [`${versions?.historyVersion} attempt ${versions?.generationAttempt}`],
      observed: [...new Set(named)],
    });
    check("STREAM-5", "each has its numbers", {
      expected: [],
      observed: deltas.filter(({ firstSeq, seq }) => firstSeq < 1n || seq < firstSeq),
    });
  },
});
