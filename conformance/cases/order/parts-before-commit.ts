import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import type { WatchEvent } from "../../suite/run/watch.js";
import { send, textOf } from "../kit/chats.js";
import { shownText, talk, watchedChat } from "../kit/watched-turns.js";

const answer = ["One two three ", "four five six"] as const;

export const partsBeforeCommit = defineCase({
  id: "order/parts-before-commit",
  title: "a committed message follows its last delta, live and where a cursor goes on in the step",
  rules: ["STREAM-7"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M121",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, fence, model, never, waitFor, watch } = context;
    const script = model.script(
      [text(answer[0], { codePoints: 3 }), gate("middle"), text(answer[1], { codePoints: 2 })],
      [text("and another")],
    );
    const { chat, watcher } = await watchedChat(context);
    await arrange("a message", "response", () => send(context, chat.id, script.says("count")));
    const { cursor } = await arrange("a cursor in the middle of the step", "response", async (signal) => {
      await watcher.until("the first half", (view) => shownText(view) === answer[0], { signal });
      return watcher;
    });
    script.open("middle");
    await waitFor(
      {
        rule: "STREAM-7",
        sentence: "the message is told",
        happens: (signal) => watcher.settled({ signal }, ({ messages }) => messages.size === 2),
      },
      "response",
    );
    const back = watch(chat.id, { cursor });
    await waitFor(
      {
        rule: "STREAM-7",
        sentence: "the message is told to who comes back with the cursor",
        happens: (signal) =>
          back.until("the message", ({ caughtUp, messages }) => caughtUp && messages.size === 1, { signal }),
      },
      "response",
    );
    await fence("who watched all the time knows another turn", "response", () =>
      talk(context, watcher, script.says("more")),
    );
    await fence("and who came back as well", "response", (signal) =>
      back.until("the other turn", ({ messages }) => messages.size === 3, { signal }),
    );
    check("STREAM-7", "all deltas of the step come before its message", {
      expected: answer.join(""),
      observed: shownBeforeCommit(watcher.events),
    });
    never("STREAM-7", "no delta of a step comes after its message", lateDeltas(watcher.events));
    never("STREAM-7", "nor to who came back in the middle of the step", lateDeltas(back.events));
  },
});

/** What was shown before the first answer. */
function shownBeforeCommit(events: readonly WatchEvent[]): string {
  const commit = events.findIndex(
    (event, index) =>
      event.case === "message" && events.slice(0, index).some((earlier) => earlier.case === "messagePart"),
  );
  return events
    .slice(0, commit)
    .flatMap((event) => (event.case === "messagePart" ? (event.value.part ?? []) : []))
    .map((part) => textOf({ parts: [part] }))
    .join("");
}

/** Deltas of a step of which messages have come already. */
function lateDeltas(events: readonly WatchEvent[]): string[] {
  let committed = 0n;
  return events.flatMap((event) => {
    if (event.case === "message") committed = event.value.message?.revision ?? committed;
    if (event.case !== "messagePart") return [];
    const { episode, firstSeq, seq } = event.value;
    return (episode?.historyVersion ?? 0n) < committed
      ? [`deltas ${firstSeq}–${seq} after version ${committed}`]
      : [];
  });
}
