import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { drop, entered, idleWith, showing } from "../kit/relays.js";
import { shownUpTo } from "./scene.js";

export const clientStreamSurvives = defineCase({
  id: "relay-reconnect/client-stream-survives",
  title: "a drop of the link does not end the client's stream",
  rules: ["RELAY-6"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M177",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, precondition, waitFor } = context;
    const { turn, watcher, relay } = await shownUpTo(context, "shown ", [
      text("shown "),
      gate("dropped"),
      text("and more"),
      gate("end"),
    ]);
    const since = relay.journal.mark;
    precondition("the link drops", drop(relay) > 0);
    const reconnected = entered(relay, ({ event }) => event === "connected", { since });
    await arrange(
      "it was noticed: there is another connection, or the stream ends",
      "relay_recovery",
      (signal) => Promise.race([reconnected(signal), watcher.ended({ signal })]),
    );
    turn.script.open("dropped");
    await waitFor(
      { rule: "RELAY-6", sentence: "the same stream shows the rest", happens: showing(watcher, "and more") },
      "relay_recovery",
    );
    turn.script.open("end");
    await waitFor(
      { rule: "RELAY-6", sentence: "and the end of the turn", happens: idleWith(watcher, 2) },
      "response",
    );
    check("RELAY-6", "and goes on", { expected: undefined, observed: watcher.end });
  },
});
