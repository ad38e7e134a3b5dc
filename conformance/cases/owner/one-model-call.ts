import { gate, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat } from "../kit/chats.js";
import { all, heldTurn, watchAt } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";

export const oneModelCall = defineCase({
  id: "owner/one-model-call",
  title: "each step of a turn calls the model once, however many replicas look for work",
  rules: ["OWN-1"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas"],
  mutant: "M185",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, target, waitFor, watch } = context;
    const step = [text("half an "), gate("middle"), text("answer")];
    const held = await heldTurn(context, [toolCall("nobody-has-it", {})], step, step, step);
    const watchers = await watchAt(context, held.chatId, [held.others[0]]);
    // Each of these makes all replicas look for work.
    const others = target.replicas.map(() => model.script([text("an answer")], [text("again")]));
    for (const [replica, script] of others.entries()) {
      const chat = await arrange("another chat", "response", () =>
        createChat(context, { says: script.says("one"), replica }),
      );
      const other = watch(chat.id, { replica });
      // Where a turn is taken from its owner again and again it never ends.
      await arrange("its turn ends, or the model is called once more", "response", (signal) =>
        Promise.race([idleWith(other, 2)(signal), script.call(1, { signal })]),
      );
    }
    check("OWN-1", "each turn of one step has called the model once", {
      expected: others.map(() => 1),
      observed: others.map(({ calls }) => calls.length),
    });
    check("OWN-1", "the turn that goes on has called it once for each of its steps", {
      expected: 2,
      observed: held.script.calls.length,
    });
    held.script.open("middle");
    await waitFor(
      {
        rule: "OWN-1",
        sentence: "the turn comes to its end",
        happens: all(watchers, (watcher) => idleWith(watcher, 4)),
      },
      "response",
    );
    check("OWN-1", "and nobody has called it meanwhile", { expected: 2, observed: held.script.calls.length });
  },
});
