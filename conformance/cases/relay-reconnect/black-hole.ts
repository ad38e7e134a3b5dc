import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { deltasTold, entered, showing } from "../kit/relays.js";
import { shownUpTo } from "./scene.js";

export const blackHole = defineCase({
  id: "relay-reconnect/black-hole",
  title: "a link that swallows everything without a word is noticed within the keepalive bound",
  rules: ["RELAY-9", "RELAY-7"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M176",
  limitMs: 90_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const { turn, watcher, relay } = await shownUpTo(context, "before ", [
      text("before "),
      gate("swallowed"),
      text("after"),
      gate("end"),
    ]);
    const since = relay.journal.mark;
    relay.blackHole();
    turn.script.open("swallowed");
    await arrange(
      "something is swallowed",
      "response",
      entered(relay, ({ event }) => event === "swallowed", { since }),
    );
    await waitFor(
      {
        rule: "RELAY-9",
        sentence: "the connection is given up",
        happens: entered(
          relay,
          ({ event, detail }) => event === "accepted" || (event === "closed" && detail === "near"),
          { since },
        ),
      },
      "keepalive",
    );
    relay.mend();
    await waitFor(
      { rule: "RELAY-9", sentence: "what was swallowed is shown", happens: showing(watcher, "after") },
      "relay_recovery",
    );
    check("RELAY-7", "each delta came once, in order", {
      expected: ["before after"],
      observed: deltasTold(watcher.events),
    });
  },
});
