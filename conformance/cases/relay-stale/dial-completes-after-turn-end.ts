import { defineCase } from "../../suite/cases/define-case.js";
import { history, send, told } from "../kit/chats.js";
import { idleWith, nextTurnElsewhere } from "../kit/relays.js";
import { dialsHang, stale, staleIsNotShown } from "./scene.js";

export const dialCompletesAfterTurnEnd = defineCase({
  id: "relay-stale/dial-completes-after-turn-end",
  title: "a dial that completes after the end of its turn contributes nothing",
  rules: ["RELAY-3", "RELAY-8"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M01",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, links, waitFor } = context;
    const scene = await dialsHang(context);
    const { chatId, script, owner, others } = scene.turn;
    script.open("old-model");
    script.open("old-end");
    for (const [watcher, { name }] of scene.at)
      await waitFor(
        {
          rule: "RELAY-8",
          sentence: `the committed message is told at ${name}, though the dial hangs`,
          happens: idleWith(watcher, 2),
        },
        "response",
      );
    await nextTurnElsewhere(context, scene.turn, () =>
      send(context, chatId, script.says("again"), { replica: others[0] }),
    );
    await staleIsNotShown(context, scene, {
      messages: 4,
      letGo: () => links(owner).relay.release(),
      fencedBy: scene.twin,
    });
    const read = await arrange("the history", "response", () => history(context, chatId));
    check("RELAY-8", "both turns are in the history, whole", {
      expected: [
        `user: ${script.says("go")}`,
        `assistant: old ${stale}`,
        `user: ${script.says("again")}`,
        "assistant: new and more",
      ],
      observed: told(read),
    });
  },
});
