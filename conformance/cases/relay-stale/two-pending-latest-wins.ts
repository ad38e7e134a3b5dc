import { isDeepStrictEqual } from "node:util";
import { defineCase } from "../../suite/cases/define-case.js";
import {
  deltasTold,
  edited,
  entered,
  holdDials,
  idleWith,
  nextTurnElsewhere,
  shownOver,
} from "../kit/relays.js";
import { dialsHang, nextIsShown } from "./scene.js";

export const twoPendingLatestWins = defineCase({
  id: "relay-stale/two-pending-latest-wins",
  title: "of two dials that hang, to the former owner and to the present one, only the latter contributes",
  rules: ["RELAY-3"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M01",
  gates: ["old-dial", "new-dial"],
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, fence, links, never, order, precondition } = context;
    const scene = await dialsHang(context);
    const { script, owner, others } = scene.turn;
    const marks = new Map(others.map((replica) => [replica, holdDials(links(replica).relay)]));
    const next = await nextTurnElsewhere(context, scene.turn, () =>
      edited(context, scene.turn, scene.witness),
    );
    links(owner).store.release();
    const at = new Map([...scene.at].filter(([, replica]) => replica !== next));
    precondition("there is a third replica", at.size > 0);
    await arrange(
      "dials to the new owner hang as well",
      "response",
      entered(links(next).relay, ({ event }) => event === "held", {
        since: marks.get(next) ?? 0,
        count: at.size,
      }),
    );
    script.open("old-model");
    const steps: Readonly<Record<string, () => Promise<void>>> = {
      "old-dial": async () => {
        links(owner).relay.release();
        await shownOver(context, scene.twin, { at: at.values(), ending: "old " });
      },
      "new-dial": async () => {
        for (const replica of others) links(replica).relay.release();
        await nextIsShown(context, { at }, "new ");
      },
    };
    for (const gate of order) await steps[gate]?.();
    script.open("new-middle");
    await nextIsShown(context, { at }, "and more");
    script.open("new-end");
    for (const [watcher, { name }] of at) {
      await fence(`the next turn has come to its end at ${name}`, "response", idleWith(watcher, 2));
      const reset = watcher.events.findLastIndex((event) => event.case === "historyReset");
      const deltas = deltasTold(watcher.events.slice(reset + 1));
      never(
        "RELAY-3",
        `after the edit nothing but the next turn is shown at ${name}`,
        isDeepStrictEqual(deltas, ["new and more"]) ? [] : deltas,
      );
    }
  },
});
