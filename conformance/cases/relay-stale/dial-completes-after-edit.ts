import { defineCase } from "../../suite/cases/define-case.js";
import { history, told } from "../kit/chats.js";
import { edited, nextTurnElsewhere } from "../kit/relays.js";
import { dialsHang, staleIsNotShown } from "./scene.js";

export const dialCompletesAfterEdit = defineCase({
  id: "relay-stale/dial-completes-after-edit",
  title: "a dial that completes after an edit contributes nothing, though the old owner still speaks",
  rules: ["RELAY-3", "INT-7"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M01",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, links } = context;
    const scene = await dialsHang(context);
    const { chatId, script, owner } = scene.turn;
    await nextTurnElsewhere(context, scene.turn, () => edited(context, scene.turn, scene.witness));
    await staleIsNotShown(context, scene, {
      messages: 2,
      letGo: () => links(owner).relay.release(),
      fencedBy: scene.twin,
    });
    const read = await arrange("the history", "response", () => history(context, chatId));
    check("INT-7", "the history is that of the next turn", {
      expected: [`user: ${script.says("go on")}`, "assistant: new and more"],
      observed: told(read),
    });
  },
});
