import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { edited, idleWith, nextTurnElsewhere, showing } from "../kit/relays.js";
import { shownUpTo } from "./scene.js";

export const redialFreshOwner = defineCase({
  id: "relay-reconnect/redial-fresh-owner",
  title: "after a drop the present owner is dialled, and the former one is left alone",
  rules: ["RELAY-5"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M178",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, fence, links, never, precondition, waitFor, watch } = context;
    const { turn, witness, watcher, relay } = await shownUpTo(
      context,
      "old ",
      [text("old "), gate("old-end")],
      [text("new "), gate("new-end")],
    );
    const { chatId, script, owner, others } = turn;
    const watchers = [watcher, ...others.slice(1).map((replica) => watch(chatId, { replica }))];
    for (const each of watchers)
      await arrange("everybody is shown the turn", "relay_recovery", showing(each, "old "));
    precondition("the links to its owner drop", relay.sever() > 0);
    await nextTurnElsewhere(context, turn, () => edited(context, turn, witness));
    for (const each of watchers)
      await waitFor(
        {
          rule: "RELAY-5",
          sentence: "the new owner's turn is shown, though the former one cannot be reached",
          happens: showing(each, "new "),
        },
        "relay_recovery",
      );
    links(owner).store.release();
    const since = relay.journal.mark;
    script.open("new-end");
    for (const each of watchers) await fence("the turn has come to its end", "response", idleWith(each, 2));
    never(
      "RELAY-5",
      "the former owner is not dialled any more",
      relay.journal.entries.slice(since).filter(({ event }) => event === "refused"),
    );
  },
});
