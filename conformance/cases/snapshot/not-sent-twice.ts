import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { send } from "../kit/chats.js";
import { idleWith, startTurn } from "../kit/relays.js";

export const notSentTwice = defineCase({
  id: "snapshot/not-sent-twice",
  title: "what a snapshot had is not delivered again as live, on whatever replica",
  rules: ["STREAM-11"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas"],
  mutant: "M10",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, target, waitFor, watch } = context;
    const { chatId, script } = await startTurn(
      context,
      [text("the first")],
      [text("the second"), gate("end")],
    );
    const watchers = target.replicas.map((replica) => watch(chatId, { replica }));
    for (const watcher of watchers)
      await arrange("everybody has the first turn", "response", idleWith(watcher, 2));
    const late = target.replicas.map((replica) => watch(chatId, { replica }));
    for (const watcher of late)
      await arrange("so have others, in their snapshots", "response", idleWith(watcher, 2));
    await arrange("another message", "response", () => send(context, chatId, script.says("go on")));
    script.open("end");
    for (const watcher of [...watchers, ...late]) {
      await waitFor(
        { rule: "STREAM-11", sentence: "the second turn is told to its end", happens: idleWith(watcher, 4) },
        "response",
      );
      const ids = watcher.events.flatMap((event) =>
        event.case === "message" ? [event.value.message?.id] : [],
      );
      check("STREAM-11", "each message came once", {
        expected: [...watcher.view.messages.keys()],
        observed: ids,
      });
    }
  },
});
