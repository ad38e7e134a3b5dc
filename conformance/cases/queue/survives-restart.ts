import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send, textOf } from "../kit/chats.js";
import { halfAnswer, heldTurn, replaceAll } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";
import { plainly, unmarked, waiting } from "../kit/turns.js";

export const survivesRestart = defineCase({
  id: "queue/survives-restart",
  title: "the queue is the same after all replicas were replaced, and its messages run in order",
  rules: ["OWN-5", "CHAT-5"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "processes"],
  mutant: "M198",
  limitMs: 240_000,
  run: async (context) => {
    const { arrange, check, model, waitFor, watch } = context;
    // Each replica may take the turn over from one that ends before it.
    const { chatId, script } = await heldTurn(context, ...Array.from({ length: 8 }, () => halfAnswer));
    const scripts = ["two", "three"].map((word) => ({
      word,
      script: model.script([text(`answer ${word}`)]),
    }));
    const ids: bigint[] = [];
    for (const { word, script: next } of scripts)
      ids.push(
        (
          await arrange(`message ${word} waits`, "response", async () =>
            waiting(await send(context, chatId, next.says(word))),
          )
        ).id,
      );
    await replaceAll(context, "terminate");
    const watcher = watch(chatId);
    const { queue } = await arrange("somebody watches it", "response", (signal) =>
      watcher.caughtUp({ signal }),
    );
    check("OWN-5", "the queue has the messages that were acknowledged, in order", {
      expected: scripts.map(({ word }, index) => `${ids[index]} ${word}`),
      observed: queue.map((item) => `${item.id} ${unmarked(textOf(item))}`),
    });
    script.open("middle");
    const view = await waitFor(
      {
        rule: "CHAT-5",
        sentence: "the turn goes on, and each of the messages gets its own",
        happens: idleWith(watcher, 6),
      },
      "lease",
    );
    check("CHAT-5", "they entered the history in order, one for each turn", {
      expected: [
        "user: go",
        "assistant: half an answer",
        "user: two",
        "assistant: answer two",
        "user: three",
        "assistant: answer three",
      ],
      observed: plainly(view.messages.values()),
    });
  },
});
