import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { all, halfAnswer, heldTurn, watchAt } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";
import { plainly } from "../kit/turns.js";

export const crashTakeover = defineCase({
  id: "owner/crash-takeover",
  title: "another replica finishes the turn of one that was killed",
  rules: ["OWN-2", "CHAT-6"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "processes"],
  mutant: "M186",
  limitMs: 90_000,
  run: async (context) => {
    const { arrange, check, mayLose, process, waitFor } = context;
    const { chatId, script, owner, others } = await heldTurn(context, halfAnswer, [text("the whole answer")]);
    const watchers = await watchAt(context, chatId, others);
    mayLose(`${owner.name} is killed`);
    await arrange(`${owner.name} is killed`, "response", () => process(owner).kill());
    const heir = await waitFor(
      {
        rule: "OWN-2",
        sentence: "another replica takes the turn over",
        happens: (signal) => script.call(1, { signal }),
      },
      "lease",
    );
    check("OWN-2", "it is one that lives", {
      expected: others.map(({ name }) => name),
      observed: heir.replica,
      holds: others.some(({ name }) => name === heir.replica),
    });
    const views = await waitFor(
      {
        rule: "CHAT-6",
        sentence: "the turn comes to its end",
        happens: all(watchers, (watcher) => idleWith(watcher, 2)),
      },
      "response",
    );
    check("CHAT-6", "everybody who watches has one whole answer", {
      expected: watchers.map(() => ["user: go", "assistant: the whole answer"]),
      observed: views.map(({ messages }) => plainly(messages.values())),
    });
  },
});
