import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, send } from "../kit/chats.js";
import { all, cutOffBus, rename, titled, watchAt } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";
import { plainly } from "../kit/turns.js";

export const outageAndBack = defineCase({
  id: "bus/outage-and-back",
  title: "without the bus turns are taken and finished, and once it is back everybody is current",
  rules: ["BUS-5", "BUS-6"],
  level: "MUST",
  profile: "bus",
  needs: ["model", "replicas", "links"],
  mutant: "M196",
  limitMs: 90_000,
  run: async (context) => {
    const { arrange, check, links, model, precondition, replica, target, waitFor } = context;
    const script = model.script([text("an answer")], [text("and another")]);
    const { id: chatId } = await arrange("a chat", "response", () => createChat(context));
    const watchers = await watchAt(context, chatId, target.replicas);
    const near = watchers.slice(0, 1);
    const cut = cutOffBus(context, target.replicas);
    precondition(
      "each replica has lost its connection",
      cut.every((connections) => connections > 0),
    );
    await waitFor(
      {
        rule: "BUS-6",
        sentence: "a message is taken while there is no bus",
        happens: () => send(context, chatId, script.says("go"), { replica: replica(0) }),
      },
      "response",
    );
    await waitFor(
      {
        rule: "BUS-6",
        sentence: "its turn comes to its end",
        happens: all(near, (watcher) => idleWith(watcher, 2)),
      },
      "notify_poll",
    );
    for (const each of target.replicas) links(each).bus.mend();
    await waitFor(
      {
        rule: "BUS-5",
        sentence: "everybody has the turn when the bus is back",
        happens: all(watchers, (watcher) => idleWith(watcher, 2)),
      },
      "notify_poll",
    );
    await arrange("another turn, and a new title", "response", async () => {
      await send(context, chatId, script.says("two"), { replica: replica(1) });
      await rename(context, chatId, "another", { replica: replica(1) });
    });
    const views = await waitFor(
      {
        rule: "BUS-5",
        sentence: "what happens from then on is told everywhere",
        happens: all(watchers, (watcher) => async (signal) => {
          await titled("another")(watcher)(signal);
          return idleWith(watcher, 4)(signal);
        }),
      },
      "notify_poll",
    );
    check("BUS-5", "everybody has the same history", {
      expected: watchers.map(() => [
        "user: go",
        "assistant: an answer",
        "user: two",
        "assistant: and another",
      ]),
      observed: views.map(({ messages }) => plainly(messages.values())),
    });
  },
});
