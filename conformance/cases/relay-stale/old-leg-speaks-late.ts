import { defineCase } from "../../suite/cases/define-case.js";
import { begin, edited, entered, nextTurnElsewhere, showing } from "../kit/relays.js";
import { everybodyWatches, oldTurnWaits, stale, staleIsNotShown } from "./scene.js";

export const oldLegSpeaksLate = defineCase({
  id: "relay-stale/old-leg-speaks-late",
  title: "what was under way on the former owner's relay when the owner changed is not shown",
  rules: ["RELAY-3"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M171",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, links } = context;
    const scene = everybodyWatches(context, await oldTurnWaits(context));
    const { script, owner } = scene.turn;
    for (const watcher of scene.at.keys())
      await arrange("everybody watches", "response", (signal) => watcher.caughtUp({ signal }));
    begin(scene.turn);
    for (const [watcher, { name }] of scene.at)
      await arrange(`a relay brings the turn to ${name}`, "relay_recovery", showing(watcher, "old "));
    const { relay } = links(owner);
    const since = relay.journal.mark;
    relay.hold();
    script.open("old-model");
    await arrange("the owner says more", "response", showing(scene.witness, stale));
    await arrange(
      "that waits on the link",
      "response",
      entered(relay, ({ event }) => event === "held", { since }),
    );
    await nextTurnElsewhere(context, scene.turn, () => edited(context, scene.turn, scene.witness));
    await staleIsNotShown(context, scene, {
      messages: 2,
      letGo: () => relay.release(),
      fencedBy: scene.twin,
    });
  },
});
