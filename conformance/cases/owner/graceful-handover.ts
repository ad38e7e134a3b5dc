import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { all, halfAnswer, heldTurn, watchAt } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";
import { plainly } from "../kit/turns.js";

export const gracefulHandover = defineCase({
  id: "owner/graceful-handover",
  title: "a replica that is asked to stop hands its turn over and loses nothing that was acknowledged",
  rules: ["OWN-5", "INT-8", "STREAM-15"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "processes"],
  mutant: "M188",
  limitMs: 90_000,
  run: async (context) => {
    const { arrange, check, mayLose, process, waitFor } = context;
    const turn = await heldTurn(context, halfAnswer, [text("the whole answer")], [text("the second")]);
    const { chatId, script, owner, others } = turn;
    const watchers = await watchAt(context, chatId, others);
    const [near] = await watchAt(context, chatId, [owner]);
    await arrange("a message waits, which the owner has acknowledged", "response", () =>
      send(context, chatId, script.says("two"), { replica: owner }),
    );
    mayLose(`${owner.name} stops in the middle of a step`);
    const stopping = process(owner).terminate();
    const end = await waitFor(
      {
        rule: "STREAM-15",
        sentence: "who watches there is sent away",
        happens: async (signal) => near?.ended({ signal }),
      },
      "response",
    );
    check("STREAM-15", "the stream ends with UNAVAILABLE, reason SHUTTING_DOWN", {
      expected: "UNAVAILABLE SHUTTING_DOWN",
      observed: end?.how === "failed" ? `${end.failure.code} ${end.failure.reason}` : end?.how,
    });
    await waitFor(
      {
        rule: "OWN-5",
        sentence: "another replica goes on with the turn",
        happens: (signal) => script.call(1, { signal }),
      },
      "response",
    );
    await arrange("the replica has ended", "lease", () => stopping);
    const views = await waitFor(
      {
        rule: "OWN-5",
        sentence: "the turn ends, and that of the message that waited",
        happens: all(watchers, (watcher) => idleWith(watcher, 4)),
      },
      "response",
    );
    check("INT-8", "both answers are whole: nothing was interrupted", {
      expected: watchers.map(() => [
        "user: go",
        "assistant: the whole answer",
        "user: two",
        "assistant: the second",
      ]),
      observed: views.map(({ messages }) => plainly(messages.values())),
    });
  },
});
