import { text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import type { WatchEvent } from "../../suite/run/watch.js";
import { send } from "../kit/chats.js";
import { deltasIn, has, shownText, splitAfter, watchedChat } from "../kit/subscriptions.js";

export const committedPartsNotReplayed = defineCase({
  id: "resume/committed-parts-not-replayed",
  title: "a cursor past a commit never brings the deltas of that step back",
  rules: ["STREAM-3", "STREAM-7"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M11",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, fence, model, never, precondition, watch } = context;
    const { chatId, watcher } = await watchedChat(context);
    const script = model.script(
      [text("first ", { codePoints: 2 }), toolCall("look", {})],
      [text("second ", { codePoints: 2 })],
    );
    await arrange("a message", "response", () => send(context, chatId, script.says("go")));
    await arrange("its turn", "response", (signal) => watcher.settled({ signal }, has(4)));
    const committed = [...watcher.responses.keys()].filter((index) => {
      const { view } = splitAfter(watcher, index);
      return view.step === undefined && view.messages.size >= 2;
    });
    precondition("there are cursors past a commit", committed.length > 0);
    for (const index of committed) {
      const { before } = splitAfter(watcher, index);
      const resumed = watch(chatId, { cursor: watcher.responses[index]?.cursor ?? "" });
      await fence(`caught up from cursor ${index}`, "response", (signal) => resumed.caughtUp({ signal }));
      never(
        "STREAM-7",
        `no delta comes after the messages that cursor ${index} holds`,
        episodesIn(resumed.events).filter((episode) => episodesIn(before).includes(episode)),
      );
      check("STREAM-3", `of a step that cursor ${index} has not begun the messages come, and no deltas`, {
        expected: "",
        observed: shownText(resumed.events),
      });
    }
  },
});

function episodesIn(events: readonly WatchEvent[]): string[] {
  return deltasIn(events).map(({ episode }) => `${episode?.historyVersion}/${episode?.generationAttempt}`);
}
