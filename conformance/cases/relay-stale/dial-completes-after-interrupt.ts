import { isDeepStrictEqual } from "node:util";
import { ChatService, WhenBusy } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import type { WatchEvent } from "../../suite/run/watch.js";
import { history, send, told } from "../kit/chats.js";
import { deltasTold, idleWith, nextTurnElsewhere, showing, shownOver } from "../kit/relays.js";
import { dialsHang, nextIsShown, stale } from "./scene.js";

export const dialCompletesAfterInterrupt = defineCase({
  id: "relay-stale/dial-completes-after-interrupt",
  title:
    "a dial that completes after an interrupt contributes nothing, in whatever order things come to pass",
  rules: ["RELAY-3", "INT-2"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M01",
  gates: ["interrupt", "next-turn", "dial", "old-model"],
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, client, fence, links, never, order, waitFor } = context;
    const scene = await dialsHang(context);
    const { turn, twin, witness, at } = scene;
    const { chatId, script, owner, others } = turn;
    const via = { replica: others[0] };
    const before = (one: string, other: string): boolean => order.indexOf(one) < order.indexOf(other);
    const said = before("old-model", "interrupt") ? `old ${stale}` : "old ";

    const steps: Readonly<Record<string, () => Promise<void>>> = {
      interrupt: async () => {
        await arrange("an interrupt", "response", () =>
          client(via).unary(ChatService.method.interruptChat, { chatId }),
        );
        for (const [watcher, { name }] of at)
          await waitFor(
            {
              rule: "INT-2",
              sentence: `what was generated is told as a message at ${name}, whatever becomes of the dial`,
              happens: (signal) =>
                watcher.until("the partial", (_, events) => events.some(isPartial), { signal }),
            },
            "response",
          );
      },
      "next-turn": async () => {
        const sending = () =>
          send(context, chatId, script.says("again"), { ...via, whenBusy: WhenBusy.QUEUE });
        if (before("next-turn", "interrupt")) {
          await arrange("a message for later", "response", sending);
          return;
        }
        await nextTurnElsewhere(context, scene.turn, sending);
        await nextIsShown(context, scene, "new ");
      },
      dial: async () => {
        links(owner).relay.release();
        await shownOver(context, twin, { at: at.values(), ending: "old " });
      },
      "old-model": async () => {
        script.open("old-model");
        if (before("old-model", "interrupt"))
          await arrange("the owner has what the model said", "response", showing(witness, stale));
      },
    };
    for (const gate of order) await steps[gate]?.();

    links(owner).store.release();
    await nextIsShown(context, scene, "new ");
    script.open("new-middle");
    await nextIsShown(context, scene, "and more");
    script.open("new-end");
    for (const [watcher, { name }] of at) {
      await fence(`the next turn has come to its end at ${name}`, "response", idleWith(watcher, 4));
      const deltas = deltasTold(watcher.events.slice(watcher.events.findIndex(isPartial)));
      never(
        "RELAY-3",
        `after the interrupted message nothing but the next turn is shown at ${name}`,
        isDeepStrictEqual(deltas, ["new and more"]) ? [] : deltas,
      );
    }
    const read = await arrange("the history", "response", () => history(context, chatId));
    check("INT-2", "the partial is what was shown at its owner", {
      expected: [
        `user: ${script.says("go")}`,
        `assistant (interrupted): ${said}`,
        `user: ${script.says("again")}`,
        "assistant: new and more",
      ],
      observed: told(read),
    });
  },
});

function isPartial(event: WatchEvent): boolean {
  return event.case === "message" && event.value.message?.interrupted === true;
}
