import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { all, halfAnswer, heldTurn, watchAt } from "../kit/cluster.js";
import { plainly } from "../kit/turns.js";

export const zombieCannotCommit = defineCase({
  id: "owner/zombie-cannot-commit",
  title: "an owner that stood still while its turn was taken over commits nothing",
  rules: ["OWN-4"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "processes"],
  mutant: "M21",
  limitMs: 120_000,
  run: async (context) => {
    const { arrange, check, fence, mayLose, process, waitFor } = context;
    const turn = await heldTurn(
      context,
      halfAnswer,
      [text("the new "), gate("new"), text("answer")],
      [text("and on")],
    );
    const { chatId, script, owner: zombie, others } = turn;
    const watchers = await watchAt(context, chatId, others);
    mayLose(`${zombie.name} stands still for longer than its lease`);
    await arrange(`${zombie.name} stands still`, "response", () => process(zombie).stop());
    await arrange("another replica has taken over", "lease", (signal) => script.reached("new", { signal }));
    // The whole old answer lies ready for the moment in which it wakes up.
    script.open("middle");
    await arrange("the old call is answered to its end", "response", async (signal) => {
      const old = await script.call(0, { signal });
      await old.ended({ signal });
    });
    process(zombie).continue();
    await fence(`${zombie.name} is awake, and takes a message`, "response", () =>
      send(context, chatId, script.says("two"), { replica: zombie }),
    );
    script.open("new");
    const views = await waitFor(
      {
        rule: "OWN-4",
        sentence: "the turn and the next one come to their ends",
        happens: all(
          watchers,
          (watcher) => (signal) => watcher.settled({ signal }, ({ messages }) => messages.size >= 4),
        ),
      },
      "response",
    );
    check("OWN-4", "everybody has what the new owner has generated, and nothing else", {
      expected: watchers.map(() => [
        "user: go",
        "assistant: the new answer",
        "user: two",
        "assistant: and on",
      ]),
      observed: views.map(({ messages }) => plainly(messages.values())),
    });
    check("OWN-4", "the one that slept has caused no other call of the model", {
      expected: 3,
      observed: script.calls.length,
    });
  },
});
