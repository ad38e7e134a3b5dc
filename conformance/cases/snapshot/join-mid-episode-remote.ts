import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { deltasTold, showing, startTurn } from "../kit/relays.js";

export const joinMidEpisodeRemote = defineCase({
  id: "snapshot/join-mid-episode-remote",
  title:
    "who joins in mid-episode at another replica gets its deltas from the first, then live ones, also over a slow link",
  rules: ["STREAM-2", "STREAM-5"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M179",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, links, waitFor, watch } = context;
    const { chatId, script, owner, others } = await startTurn(context, [
      text("what was said before ", { codePoints: 3 }),
      gate("joined"),
      text("and after"),
      gate("end"),
    ]);
    const witness = watch(chatId, { replica: owner });
    await arrange("the owner has what the model said", "response", showing(witness, "before "));
    links(owner).relay.shape({ delayMs: 200 });
    const watcher = watch(chatId, { replica: others[0] });
    await waitFor(
      {
        rule: "STREAM-2",
        sentence: "what was said before somebody joined is shown",
        happens: showing(watcher, "before "),
      },
      "relay_recovery",
    );
    script.open("joined");
    await waitFor(
      { rule: "STREAM-2", sentence: "then what comes", happens: showing(watcher, "and after") },
      "relay_recovery",
    );
    check("STREAM-5", "from the first delta, without gap or repeat", {
      expected: ["what was said before and after"],
      observed: deltasTold(watcher.events),
    });
  },
});
