import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { begin, deltasTold, entered, holdDials, idleWith, shownOver, startTwins } from "../kit/relays.js";

export const turnEndsDuringDial = defineCase({
  id: "snapshot/turn-ends-during-dial",
  title: "a turn that ends while its dial hangs gives its message, and no preview that stays",
  rules: ["RELAY-4", "STREAM-7"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M02",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, links, never, waitFor, watch } = context;
    const [turn, twin] = await startTwins(context, [text("said "), gate("end"), text("and done")]);
    const { chatId, script, owner, others } = turn;
    const { relay } = links(owner);
    begin(turn);
    const since = holdDials(relay);
    const watcher = watch(chatId, { replica: others[0] });
    await arrange(
      "the dial hangs",
      "response",
      entered(relay, ({ event }) => event === "held", { since }),
    );
    script.open("end");
    await waitFor(
      {
        rule: "RELAY-4",
        sentence: "the message and the end of the turn are told",
        happens: idleWith(watcher, 2),
      },
      "response",
    );
    const mark = watcher.events.length;
    relay.release();
    await shownOver(context, twin, { at: [others[0]], ending: "said " });
    never("STREAM-7", "no delta of it comes after its message", deltasTold(watcher.events.slice(mark)));
  },
});
