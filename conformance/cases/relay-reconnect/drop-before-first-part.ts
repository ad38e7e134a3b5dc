import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { deltasTold, drop, entered, showing, startTurn } from "../kit/relays.js";

export const dropBeforeFirstPart = defineCase({
  id: "relay-reconnect/drop-before-first-part",
  title: "a drop before the first delta loses nothing",
  rules: ["RELAY-5", "RELAY-7"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M03",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, links, precondition, waitFor, watch } = context;
    const { chatId, script, owner, others } = await startTurn(context, [
      gate("dropped"),
      text("from the first to the last!", { codePoints: 4 }),
      gate("end"),
    ]);
    const { relay } = links(owner);
    // So that the dial needs a connection, which can be seen.
    drop(relay);
    const since = relay.journal.mark;
    const watcher = watch(chatId, { replica: others[0] });
    await arrange(
      "a relay is there",
      "response",
      entered(relay, ({ event }) => event === "connected", { since }),
    );
    precondition("the link drops", drop(relay) > 0);
    script.open("dropped");
    await waitFor(
      { rule: "RELAY-5", sentence: "the episode is shown", happens: showing(watcher, "last!") },
      "relay_recovery",
    );
    check("RELAY-7", "each delta came once, in order", {
      expected: ["from the first to the last!"],
      observed: deltasTold(watcher.events),
    });
  },
});
