import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { deltasTold, idleWith, showing, startTurn } from "../kit/relays.js";

export const lateWatcherGrace = defineCase({
  id: "episode/late-watcher-grace",
  title:
    "who comes back right after the commit, to a replica where somebody watched, gets the rest of the deltas and the message",
  rules: ["STREAM-3"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas"],
  mutant: "M08",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor, watch } = context;
    const { chatId, script, others } = await startTurn(context, [
      gate("watched"),
      text("one "),
      gate("left"),
      text("two "),
      gate("more"),
      text("three"),
      gate("end"),
    ]);
    const replica = others[0];
    const stays = watch(chatId, { replica });
    const leaves = watch(chatId, { replica });
    for (const watcher of [stays, leaves])
      await arrange("it is watched", "response", (signal) => watcher.caughtUp({ signal }));
    script.open("watched");
    for (const watcher of [stays, leaves])
      await arrange("a relay brings the turn", "relay_recovery", showing(watcher, "one "));
    leaves.cancel();
    await arrange("one watcher leaves", "response", (signal) => leaves.ended({ signal }));
    for (const gateName of ["left", "more"]) script.open(gateName);
    await arrange("the rest comes for the other", "response", showing(stays, "three"));
    script.open("end");
    await arrange("and the end of the turn", "response", idleWith(stays, 2));
    const returns = watch(chatId, { replica, cursor: leaves.cursor });
    await waitFor(
      {
        rule: "STREAM-3",
        sentence: "who comes back is told the message and the end",
        happens: (signal) =>
          returns.until("them", (view) => view.caughtUp && view.messages.size === 1, { signal }),
      },
      "response",
    );
    check("STREAM-3", "together the two subscriptions have all deltas, once each", {
      expected: ["one two three"],
      observed: deltasTold([...leaves.events, ...returns.events]),
    });
  },
});
