import { gate, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import type { Watch } from "../../suite/run/watch.js";
import { history, send, textOf, told } from "../kit/chats.js";
import { shownText, watchedChat } from "../kit/watched-turns.js";

/** The gates in the order in which the model comes to them, with what there is at each. */
const gates = [
  { name: "nothing said", messages: 1, shown: "" },
  { name: "in the first step", messages: 1, shown: "One " },
  { name: "before the second step", messages: 3, shown: "" },
  { name: "in the second step", messages: 3, shown: "Two " },
  { name: "in the last step", messages: 5, shown: "Thr" },
] as const;

export const joinAtEveryGate = defineCase({
  id: "snapshot/join-at-every-gate",
  title: "whoever comes at any moment of a turn has all of it, and misses nothing from then on",
  rules: ["STREAM-2", "STREAM-12"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M09",
  limitMs: 120_000,
  run: async (context) => {
    const { arrange, check, model, replicaNamed, waitFor, watch } = context;
    const script = model.script(
      [gate(gates[0].name), text("One "), gate(gates[1].name), toolCall("look", { step: 1 })],
      [gate(gates[2].name), text("Two "), gate(gates[3].name), toolCall("look", { step: 2 })],
      [text("Thr"), gate(gates[4].name), text("ee.")],
      [text("Waited.")],
    );
    const { chat, watcher } = await watchedChat(context);
    await arrange("a message", "response", () => send(context, chat.id, script.says("count")));
    const waits = script.says("wait");
    const watchers: Watch[] = [watcher];
    for (const { name, messages, shown } of gates) {
      const { replica } = await arrange(`the model is at its gate: ${name}`, "response", (signal) =>
        script.reached(name, { signal }),
      );
      if (name === gates[0].name)
        await arrange("a message that waits", "response", () => send(context, chat.id, waits));
      const late = watch(chat.id, { replica: replicaNamed(replica) });
      watchers.push(late);
      await waitFor(
        {
          rule: "STREAM-2",
          sentence: `who comes now is caught up: ${name}`,
          happens: (signal) => late.caughtUp({ signal }),
        },
        "response",
      );
      for (const [index, each] of watchers.entries())
        await waitFor(
          {
            rule: "STREAM-2",
            sentence: `watcher ${index} has every message, what is shown and what waits: ${name}`,
            happens: (signal) =>
              each.until(
                "all there is",
                (view) =>
                  view.messages.size === messages &&
                  shownText(view) === shown &&
                  view.queue.map(textOf).join() === waits,
                { signal },
              ),
          },
          "response",
        );
      script.open(name);
    }
    const ends: string[][] = [];
    for (const [index, each] of watchers.entries()) {
      const end = await waitFor(
        {
          rule: "STREAM-12",
          sentence: `watcher ${index} is told the end`,
          happens: (signal) => each.settled({ signal }, (view) => view.messages.size === 8),
        },
        "response",
      );
      ends.push(told(end.messages.values()));
    }
    const all = await waitFor(
      { rule: "STREAM-12", sentence: "the history can be read", happens: () => history(context, chat.id) },
      "response",
    );
    check("STREAM-12", "everybody has the whole history", {
      expected: watchers.map(() => told(all)),
      observed: ends,
    });
  },
});
