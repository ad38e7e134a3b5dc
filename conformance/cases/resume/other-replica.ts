import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { all, heldTurn, watchAt } from "../kit/cluster.js";
import { deltasTold, idleWith, showing } from "../kit/relays.js";
import { plainly } from "../kit/turns.js";

const answer = [text("half an "), gate("middle"), text("answer"), gate("end")];

export const otherReplica = defineCase({
  id: "resume/other-replica",
  title: "whoever leaves one replica in the middle of an answer goes on at another",
  rules: ["STREAM-3", "STREAM-4", "STREAM-14"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas"],
  mutant: "M199",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor, watch } = context;
    const { chatId, script, owner, others } = await heldTurn(context, answer, answer);
    const left = await watchAt(context, chatId, [owner]);
    await arrange(
      "the first half is shown",
      "response",
      all(left, (watcher) => showing(watcher, "half an ")),
    );
    const cursor = left[0]?.cursor ?? "";
    for (const watcher of left) watcher.cancel();
    const back = watch(chatId, { replica: others[0], cursor });
    await waitFor(
      {
        rule: "STREAM-4",
        sentence: "the cursor of one replica is taken by another",
        happens: (signal) => back.caughtUp({ signal }),
      },
      "response",
    );
    script.open("middle");
    await waitFor(
      {
        rule: "STREAM-3",
        sentence: "what is generated now is shown",
        happens: showing(back, "answer"),
      },
      "relay_recovery",
    );
    script.open("end");
    const view = await waitFor(
      {
        rule: "STREAM-14",
        sentence: "the turn comes to its end though its watcher has left",
        happens: idleWith(back, 1),
      },
      "response",
    );
    check("STREAM-14", "the call of the model was not given up", {
      expected: 1,
      observed: script.calls.length,
    });
    check("STREAM-3", "no message comes that was told before", {
      expected: ["assistant: half an answer"],
      observed: plainly(view.messages.values()),
    });
    const shown = deltasTold([...(left[0]?.events ?? []), ...back.events]);
    const anew = ["half an ", "reset", "half an answer"];
    check("STREAM-3", "the rest of the answer follows, or all of it after preview_reset", {
      expected: ["half an answer"],
      observed: shown,
      holds: [["half an answer"], anew].some((words) => words.join("|") === shown.join("|")),
    });
  },
});
