import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { halfAnswer, heldTurn, watchAt } from "../kit/cluster.js";
import { deltasTold, idleWith, showing } from "../kit/relays.js";
import { deltasOf } from "../kit/turns.js";

export const takeoverIsNewAttempt = defineCase({
  id: "owner/takeover-is-new-attempt",
  title: "a takeover shows as a new attempt, and takes back what the former one has shown",
  rules: ["OWN-3", "STREAM-9"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "processes"],
  mutant: "M187",
  limitMs: 90_000,
  run: async (context) => {
    const { arrange, check, mayLose, process, waitFor } = context;
    const whole = [text("the whole answer"), gate("end")];
    const { chatId, script, owner, others } = await heldTurn(context, halfAnswer, whole);
    const [watcher] = await watchAt(context, chatId, [others[0]]);
    if (watcher === undefined) return;
    await arrange("the first half of the answer is shown", "relay_recovery", showing(watcher, "half an "));
    mayLose(`${owner.name} is killed`);
    await arrange(`${owner.name} is killed`, "response", () => process(owner).kill());
    await waitFor(
      {
        rule: "OWN-3",
        sentence: "the turn is taken over, and what is generated then is shown",
        happens: showing(watcher, "the whole answer"),
      },
      "lease",
    );
    script.open("end");
    await waitFor(
      { rule: "OWN-3", sentence: "it comes to its end", happens: idleWith(watcher, 2) },
      "response",
    );
    const deltas = deltasOf(watcher.events);
    const attempts = [...new Set(deltas.map(({ episode }) => episode?.generationAttempt ?? 0))];
    check("OWN-3", "the takeover is a later attempt at the same step", {
      expected: "two attempts, the later one with the greater number",
      observed: attempts,
      holds: attempts.length === 2 && (attempts[0] ?? 0) < (attempts[1] ?? 0),
    });
    check("OWN-3", "both are attempts at the same step", {
      expected: 1,
      observed: new Set(deltas.map(({ episode }) => episode?.historyVersion)).size,
    });
    check("STREAM-9", "preview_reset comes between the first half and the whole", {
      expected: ["half an ", "reset", "the whole answer"],
      observed: deltasTold(watcher.events),
    });
  },
});
