import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { begin, entered, holdDials, showing, shownOver, startTwins } from "../kit/relays.js";

const much = 512 * 1024;

export const dialCompletesAfterUnwatch = defineCase({
  id: "relay-stale/dial-completes-after-unwatch",
  title:
    "a dial that completes after the last watcher has left is closed: nothing of the turn travels any more",
  rules: ["RELAY-3"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M180",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, links, never, watch } = context;
    const [turn, twin] = await startTwins(context, [
      text("quiet "),
      gate("loud"),
      text(`${"x".repeat(much)}!`, { codePoints: 8192 }),
      gate("end"),
    ]);
    const { chatId, script, owner, others } = turn;
    const { relay } = links(owner);
    const witness = watch(chatId, { replica: owner });
    begin(turn);
    await arrange("the owner has what the model said", "response", showing(witness, "quiet "));
    const since = holdDials(relay);
    const watcher = watch(chatId, { replica: others[0] });
    await arrange("somebody watches it elsewhere", "response", (signal) => watcher.caughtUp({ signal }));
    await arrange(
      "the dial hangs",
      "response",
      entered(relay, ({ event }) => event === "held", { since }),
    );
    watcher.cancel();
    await arrange("the watcher leaves", "response", (signal) => watcher.ended({ signal }));
    relay.release();
    await shownOver(context, twin, { at: [others[0]], ending: "quiet " });
    const before = relay.journal.bytes.passed;
    script.open("loud");
    await arrange("the model says much", "response", showing(witness, "!"));
    const passed = relay.journal.bytes.passed - before;
    never(
      "RELAY-3",
      "what nobody watches does not travel",
      passed < much / 4 ? [] : [`${passed} bytes of ${much} on the relay link`],
    );
  },
});
