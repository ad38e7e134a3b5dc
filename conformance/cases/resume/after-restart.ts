import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, send } from "../kit/chats.js";
import { replaceAll } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";
import { plainly } from "../kit/turns.js";

export const afterRestart = defineCase({
  id: "resume/after-restart",
  title: "a cursor is as good after all replicas were replaced",
  rules: ["STREAM-3", "STREAM-4"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "processes"],
  mutant: "M199",
  limitMs: 240_000,
  run: async (context) => {
    const { arrange, check, model, waitFor, watch } = context;
    const script = model.script([text("an answer")], [text("another")]);
    const chat = await arrange("a chat", "response", () => createChat(context, { says: script.says("go") }));
    const before = watch(chat.id);
    await arrange("its turn is over", "response", idleWith(before, 2));
    const { cursor } = before;
    before.cancel();
    const meanwhile = watch(chat.id);
    await arrange("another turn, which nobody with that cursor has seen", "response", async (signal) => {
      await send(context, chat.id, script.says("two"));
      await idleWith(meanwhile, 4)(signal);
    });
    await replaceAll(context, "kill");
    const back = watch(chat.id, { cursor });
    const view = await waitFor(
      {
        rule: "STREAM-4",
        sentence: "the cursor is taken by the new replicas",
        happens: (signal) => back.caughtUp({ signal }),
      },
      "response",
    );
    check("STREAM-3", "exactly what was committed after it is told", {
      expected: ["user: two", "assistant: another"],
      observed: plainly(view.messages.values()),
    });
    check("STREAM-3", "the history is not told anew", {
      expected: 0,
      observed: back.events.filter(({ case: kind }) => kind === "historyReset").length,
    });
  },
});
