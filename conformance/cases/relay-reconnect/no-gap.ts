import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { deltasTold, showing } from "../kit/relays.js";
import { shownUpTo } from "./scene.js";

export const noGap = defineCase({
  id: "relay-reconnect/no-gap",
  title: "what is generated while the link is down is not missing after the reconnect",
  rules: ["RELAY-7"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M174",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, precondition, waitFor } = context;
    const { turn, witness, watcher, relay } = await shownUpTo(context, "before ", [
      text("before "),
      gate("down"),
      text("meanwhile ", { codePoints: 3 }),
      gate("up"),
      text("after!"),
      gate("end"),
    ]);
    precondition("the link drops", relay.sever() > 0);
    turn.script.open("down");
    await arrange("the owner generates", "response", showing(witness, "meanwhile "));
    relay.mend();
    await waitFor(
      {
        rule: "RELAY-7",
        sentence: "what was generated meanwhile is shown",
        happens: showing(watcher, "meanwhile "),
      },
      "relay_recovery",
    );
    turn.script.open("up");
    await waitFor(
      { rule: "RELAY-7", sentence: "what follows is shown", happens: showing(watcher, "after!") },
      "response",
    );
    check("RELAY-7", "what is shown has no gap", {
      expected: "before meanwhile after!",
      observed: deltasTold(watcher.events).at(-1),
    });
  },
});
