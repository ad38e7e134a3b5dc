import { gate, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send, told } from "../kit/chats.js";
import { all, heldTurn, watchAt } from "../kit/cluster.js";
import { deltasTold, idleWith, showing } from "../kit/relays.js";

export const twoReplicasAgree = defineCase({
  id: "order/two-replicas-agree",
  title: "subscribers on all replicas end with the same history, queue, status and text",
  rules: ["STREAM-12"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas"],
  mutant: "M195",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, target, waitFor } = context;
    const { chatId, script, others } = await heldTurn(
      context,
      [text("let me see"), toolCall("nobody-has-it", {})],
      [text("half an "), gate("middle"), text("answer", { codePoints: 1 }), gate("said")],
    );
    const watchers = await watchAt(context, chatId, target.replicas);
    const second = model.script([text("the second")]);
    await arrange("a message that waits", "response", () =>
      send(context, chatId, second.says("two"), { replica: others[0] }),
    );
    await waitFor(
      {
        rule: "STREAM-12",
        sentence: "everybody knows of the message that waits",
        happens: all(
          watchers,
          (watcher) => (signal) => watcher.until("a queue", ({ queue }) => queue.length === 1, { signal }),
        ),
      },
      "notify_poll",
    );
    script.open("middle");
    await waitFor(
      {
        rule: "STREAM-12",
        sentence: "everybody is shown all that the model has said",
        happens: all(watchers, (watcher) => showing(watcher, "half an answer")),
      },
      "relay_recovery",
    );
    script.open("said");
    const views = await waitFor(
      {
        rule: "STREAM-12",
        sentence: "everybody is told of the end of both turns",
        happens: all(watchers, (watcher) => idleWith(watcher, 6)),
      },
      "notify_poll",
    );
    const known = views.map(({ messages, queue, status }) => ({
      history: told(messages.values()),
      ids: [...messages.values()].map(({ id, revision }) => `${id}@${revision}`),
      queue: queue.length,
      status,
    }));
    check("STREAM-12", "everybody has the same history, queue and status", {
      expected: known.map(() => known[0]),
      observed: known,
    });
    check("STREAM-12", "everybody was shown the same text", {
      expected: watchers.map(() => 1),
      observed: watchers.map(
        ({ events }) => deltasTold(events).filter((words) => words === "half an answer").length,
      ),
    });
  },
});
