import { gate, httpError, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { deltasOf, plainly } from "../kit/turns.js";
import { watchedChat } from "../kit/watched-turns.js";

export const newAttemptResets = defineCase({
  id: "episode/new-attempt-resets",
  title: "a new attempt takes back what the one before has shown, and counts from 1",
  rules: ["STREAM-9", "STREAM-5"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M23",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const script = model.script(
      [text("Never "), gate("failure"), httpError(503, "out of order")],
      [text("Always."), gate("success")],
    );
    const { chat, watcher } = await watchedChat(context);
    await arrange("a message", "response", () => send(context, chat.id, script.says("when?")));
    await arrange("an attempt is shown", "response", (signal) =>
      watcher.until("its deltas", ({ step }) => step !== undefined, { signal }),
    );
    script.open("failure");
    await waitFor(
      {
        rule: "STREAM-9",
        sentence: "another attempt is shown",
        happens: (signal) =>
          watcher.until("its deltas", ({ step }) => step !== undefined && step.attempt > 1, { signal }),
      },
      "response",
    );
    const { events } = watcher;
    const first = deltasOf(events)[0]?.episode?.generationAttempt;
    const isOf = (attempt: number | undefined) => (event: (typeof events)[number]) =>
      deltasOf([event]).some(({ episode }) => episode?.generationAttempt === attempt);
    const lastOfFirst = events.findLastIndex(isOf(first));
    const firstOfNext = events.findIndex(isOf((first ?? 0) + 1));
    check("STREAM-9", "preview_reset stands between the two", {
      expected: ["previewReset"],
      observed: events
        .slice(lastOfFirst + 1, firstOfNext)
        .flatMap((event) => (event.case === "previewReset" ? [event.case] : [])),
      holds: events.slice(lastOfFirst + 1, firstOfNext).some((event) => event.case === "previewReset"),
    });
    const [next] = deltasOf(events.slice(firstOfNext));
    check("STREAM-5", "the numbers begin anew", { expected: 1n, observed: next?.firstSeq });
    script.open("success");
    const view = await waitFor(
      {
        rule: "STREAM-9",
        sentence: "the turn comes to its end",
        happens: (signal) => watcher.settled({ signal }),
      },
      "response",
    );
    check("STREAM-9", "what is left is the second attempt", {
      expected: ["user: when?", "assistant: Always."],
      observed: plainly(view.messages.values()),
    });
  },
});
