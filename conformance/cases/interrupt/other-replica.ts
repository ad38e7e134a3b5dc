import { defineCase } from "../../suite/cases/define-case.js";
import { all, halfAnswer, heldTurn, watchAt } from "../kit/cluster.js";
import { idleWith, showing } from "../kit/relays.js";
import { interrupt, plainly } from "../kit/turns.js";

export const otherReplica = defineCase({
  id: "interrupt/other-replica",
  title: "an interrupt at a replica that does not run the turn aborts it within the bound",
  rules: ["INT-1", "INT-2"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas"],
  mutant: "M195",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, target, waitFor } = context;
    const { chatId, script, others } = await heldTurn(context, halfAnswer);
    const watchers = await watchAt(context, chatId, target.replicas);
    await arrange(
      "the first half of the answer is shown everywhere",
      "relay_recovery",
      all(watchers, (watcher) => showing(watcher, "half an ")),
    );
    await arrange("an interrupt at another replica", "response", () =>
      interrupt(context, chatId, { replica: others[0] }),
    );
    const end = await waitFor(
      {
        rule: "INT-1",
        sentence: "the call of the model ends",
        happens: async (signal) => {
          const call = await script.call(0, { signal });
          return call.ended({ signal });
        },
      },
      "interrupt",
    );
    check("INT-1", "its caller has aborted it", { expected: "aborted", observed: end.how });
    const views = await waitFor(
      {
        rule: "INT-2",
        sentence: "the partial is committed",
        happens: all(watchers, (watcher) => idleWith(watcher, 2)),
      },
      "response",
    );
    check("INT-2", "everybody has what was shown, marked as interrupted", {
      expected: watchers.map(() => ["user: go", "assistant (interrupted): half an "]),
      observed: views.map(({ messages }) => plainly(messages.values())),
    });
  },
});
