import { defineCase } from "../../suite/cases/define-case.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import type { As } from "../../suite/run/stage.js";
import { gate } from "../../surroundings/scripted-model/script.js";
import { all, halfAnswer, heldTurn, watchAt } from "../kit/cluster.js";
import { deltasTold, idleWith, type RunningTurn, showing } from "../kit/relays.js";

export const leaseRenewed = defineCase({
  id: "owner/lease-renewed",
  title: "a turn that takes longer than the lease keeps its owner",
  rules: ["OWN-1"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "processes"],
  mutant: "M190",
  limitMs: 120_000,
  run: async (context) => {
    const { arrange, check, fence, mayLose, process, waitFor } = context;
    const [long, other] = await turnsOfTwo(context);
    const watchers = await watchAt(context, long.chatId, [long.owner]);
    mayLose(`${other.owner.name} is killed`);
    await arrange(`${other.owner.name} is killed`, "response", () => process(other.owner).kill());
    // Both began at about the same time: what this one's lease has come to is past for the other as well, unless it was renewed.
    await fence("a turn whose owner is dead was taken over", "lease", (signal) =>
      other.script.call(1, { signal }),
    );
    check("OWN-1", "nobody else has called the model for the one that goes on", {
      expected: [long.owner.name],
      observed: long.script.calls.map(({ replica }) => replica),
    });
    long.script.open("middle");
    await arrange(
      "the rest of it is shown",
      "response",
      all(watchers, (watcher) => showing(watcher, "half an answer")),
    );
    long.script.open("end");
    await waitFor(
      {
        rule: "OWN-1",
        sentence: "its owner brings it to its end",
        happens: all(watchers, (watcher) => idleWith(watcher, 2)),
      },
      "response",
    );
    check("OWN-1", "its answer was shown once, from one attempt", {
      expected: [["half an answer"]],
      observed: watchers.map(({ events }) => deltasTold(events)),
    });
    check("OWN-1", "the model was called once", { expected: 1, observed: long.script.calls.length });
  },
});

/** All of it is shown before the turn ends: what is said and committed at once need not be. */
const wholeAnswer = [...halfAnswer, gate("end")];

/**
 * Two turns that stand in the middle of their answers, at different replicas. Who gets a turn is the target's business, but a replica that just
 * started may not be known to the others yet, and is then only given what is asked for there.
 */
async function turnsOfTwo(context: CaseContext<"OWN-1">): Promise<readonly [RunningTurn, RunningTurn]> {
  const first = await heldTurn(context, wholeAnswer, halfAnswer, halfAnswer);
  const [replica] = first.others;
  const elsewhere = { ...context, client: (as?: As) => context.client({ replica, ...as }) };
  let second = first;
  for (let tries = 0; tries < 12 && second.owner === first.owner; tries += 1)
    second = await heldTurn(elsewhere, halfAnswer, halfAnswer);
  context.precondition("two replicas run a turn each", second.owner !== first.owner);
  return [first, second];
}
