import { defineCase } from "../../suite/cases/define-case.js";
import { gate, reset, text } from "../../surroundings/scripted-model/script.js";
import { entered, showing, startTurn } from "../kit/relays.js";

export const oldAttemptSilent = defineCase({
  id: "episode/old-attempt-silent",
  title: "what a failed attempt has said comes too late: once it was taken back, nothing of it is shown",
  rules: ["STREAM-9"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M06",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, fence, links, never, watch } = context;
    const { chatId, script, owner, others } = await startTurn(
      context,
      [gate("watched"), text("one "), gate("hidden"), text("STALE"), gate("fails"), reset()],
      [text("two "), gate("end")],
    );
    const witness = watch(chatId, { replica: owner });
    const watcher = watch(chatId, { replica: others[0] });
    for (const each of [witness, watcher])
      await arrange("it is watched", "response", (signal) => each.caughtUp({ signal }));
    script.open("watched");
    await arrange("a relay brings the first attempt", "relay_recovery", showing(watcher, "one "));
    const { relay } = links(owner);
    const since = relay.journal.mark;
    relay.hold();
    script.open("hidden");
    await arrange("the owner has more of it", "response", showing(witness, "STALE"));
    await arrange(
      "that waits on the link",
      "response",
      entered(relay, ({ event }) => event === "held", { since }),
    );
    script.open("fails");
    await arrange("the watcher hears of the failure", "response", (signal) =>
      watcher.until("a retry", (_, events) => events.some((event) => event.case === "retry"), { signal }),
    );
    relay.release();
    await fence("the second attempt is shown", "relay_recovery", showing(watcher, "two "));
    const { events } = watcher;
    const taken = events.findIndex((event) => event.case === "previewReset");
    check("STREAM-9", "the first attempt was taken back", {
      expected: "a preview_reset",
      observed: events[taken]?.case,
      holds: taken !== -1,
    });
    never(
      "STREAM-9",
      "after that nothing of it is shown",
      events
        .slice(taken)
        .flatMap((event) =>
          event.case === "messagePart" && event.value.episode?.generationAttempt === 1
            ? [event.value.part]
            : [],
        ),
    );
  },
});
