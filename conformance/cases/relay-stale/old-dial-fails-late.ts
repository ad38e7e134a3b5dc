import { defineCase } from "../../suite/cases/define-case.js";
import { drop, edited, nextTurnElsewhere } from "../kit/relays.js";
import { dialsHang, staleIsNotShown } from "./scene.js";

export const oldDialFailsLate = defineCase({
  id: "relay-stale/old-dial-fails-late",
  title: "a dial to the former owner that fails late neither ends the stream nor disturbs the new relay",
  rules: ["RELAY-3"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M172",
  limitMs: 60_000,
  run: async (context) => {
    const { check, links, precondition } = context;
    const scene = await dialsHang(context);
    const { relay } = links(scene.turn.owner);
    await nextTurnElsewhere(context, scene.turn, () => edited(context, scene.turn, scene.witness));
    await staleIsNotShown(context, scene, {
      messages: 2,
      letGo: () => precondition("dials to the former owner fail", drop(relay) > 0),
      fencedBy: scene.twin,
    });
    for (const [watcher, { name }] of scene.at)
      check("RELAY-3", `the stream goes on at ${name}`, { expected: undefined, observed: watcher.end });
  },
});
