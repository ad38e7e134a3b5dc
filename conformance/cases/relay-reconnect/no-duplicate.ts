import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { deltasTold, drop, showing } from "../kit/relays.js";
import { shownUpTo } from "./scene.js";

export const noDuplicate = defineCase({
  id: "relay-reconnect/no-duplicate",
  title: "after a reconnect nothing is delivered twice, unless it was taken back",
  rules: ["RELAY-7"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M04",
  limitMs: 60_000,
  run: async (context) => {
    const { check, precondition, waitFor } = context;
    const { turn, watcher, relay } = await shownUpTo(context, "three ", [
      text("one two three ", { codePoints: 2 }),
      gate("dropped"),
      text("four!"),
      gate("end"),
    ]);
    precondition("the link drops", drop(relay) > 0);
    turn.script.open("dropped");
    await waitFor(
      { rule: "RELAY-7", sentence: "the rest is shown", happens: showing(watcher, "four!") },
      "relay_recovery",
    );
    check("RELAY-7", "what is shown has everything once", {
      expected: "one two three four!",
      observed: deltasTold(watcher.events).at(-1),
    });
  },
});
