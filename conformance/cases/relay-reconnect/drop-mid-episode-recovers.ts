import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { deltasTold, drop, entered, idleWith, showing } from "../kit/relays.js";
import { shownUpTo } from "./scene.js";

export const dropMidEpisodeRecovers = defineCase({
  id: "relay-reconnect/drop-mid-episode-recovers",
  title: "after a drop in mid-episode the rest arrives over another connection, within the bound",
  rules: ["RELAY-5", "RELAY-7"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M03",
  limitMs: 60_000,
  run: async (context) => {
    const { check, precondition, waitFor } = context;
    const { turn, watcher, relay } = await shownUpTo(context, "three ", [
      text("one two three ", { codePoints: 4 }),
      gate("dropped"),
      text("four five six!", { codePoints: 5 }),
      gate("end"),
    ]);
    const since = relay.journal.mark;
    precondition("the link drops", drop(relay) > 0);
    turn.script.open("dropped");
    await waitFor(
      { rule: "RELAY-5", sentence: "the rest is shown", happens: showing(watcher, "six!") },
      "relay_recovery",
    );
    await waitFor(
      {
        rule: "RELAY-5",
        sentence: "it has come over another connection",
        happens: entered(relay, ({ event }) => event === "connected", { since }),
      },
      "response",
    );
    check("RELAY-7", "each delta came once, in order", {
      expected: ["one two three four five six!"],
      observed: deltasTold(watcher.events),
    });
    turn.script.open("end");
    await waitFor(
      { rule: "RELAY-5", sentence: "the turn comes to its end", happens: idleWith(watcher, 2) },
      "response",
    );
  },
});
