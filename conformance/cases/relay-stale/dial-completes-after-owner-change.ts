import { defineCase } from "../../suite/cases/define-case.js";
import { history, told } from "../kit/chats.js";
import { nextTurnElsewhere, turnOf } from "../kit/relays.js";
import { dialsHang, oldTurn, staleIsNotShown, watchedAnew } from "./scene.js";

export const dialCompletesAfterOwnerChange = defineCase({
  id: "relay-stale/dial-completes-after-owner-change",
  title: "a dial to the former owner that completes after another has taken over contributes nothing",
  rules: ["RELAY-3", "OWN-4"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M01",
  limitMs: 120_000,
  run: async (context) => {
    const { arrange, check, links, mayLose, precondition } = context;
    let scene = await dialsHang(context);
    const { chatId, script, owner } = scene.turn;
    mayLose("the owner cannot reach the store until its lease has ended");
    links(owner).store.hold();
    // Who dials gives that up after a while, and waits before the next time. An owner that stops before its lease ends tells when to dial.
    await arrange("the owner stops, or another takes the chat over", "lease", async (signal) =>
      Promise.race([(await script.call(0, { signal })).ended({ signal }), script.call(1, { signal })]),
    );
    if (script.calls.length === 1) scene = await watchedAnew(context, scene);
    await nextTurnElsewhere(context, scene.turn, undefined);
    precondition("dials to the former owner hang", links(owner).relay.connections > 0);
    links(owner).store.release();
    const fencedBy = await turnOf(context, owner, oldTurn);
    await staleIsNotShown(context, scene, {
      messages: 2,
      letGo: () => links(owner).relay.release(),
      fencedBy,
    });
    const read = await arrange("the history", "response", () => history(context, chatId));
    check("OWN-4", "the history is that of the new owner", {
      expected: [`user: ${script.says("go")}`, "assistant: new and more"],
      observed: told(read),
    });
  },
});
