import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, getChat, history } from "../kit/chats.js";
import { replaceAll } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";
import { plainly } from "../kit/turns.js";

export const idleNotRerun = defineCase({
  id: "owner/idle-not-rerun",
  title: "a chat that was idle is not run again after a restart",
  rules: ["OWN-6"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "processes"],
  mutant: "M39",
  limitMs: 240_000,
  run: async (context) => {
    const { arrange, check, fence, model, never, watch } = context;
    const script = model.script([text("an answer")], [text("once more")]);
    const turn = async (says: string): Promise<string> => {
      const chat = await createChat(context, { says });
      await idleWith(watch(chat.id), 2)(context.signal);
      return chat.id;
    };
    const chatId = await arrange("a chat whose turn is over", "response", () => turn(script.says("go")));
    const before = await arrange("its state", "response", () => getChat(context, chatId));
    await replaceAll(context, "kill");
    const other = model.script([text("another answer")]);
    await fence("the new replicas have looked for work, and done some", "lease", () =>
      turn(other.says("go")),
    );
    never("OWN-6", "nobody has called the model for it again", script.calls.slice(1));
    const after = await arrange("its state afterwards", "response", () => getChat(context, chatId));
    check("OWN-6", "no transaction has touched it", { expected: before.versions, observed: after.versions });
    check("OWN-6", "its status is the same", { expected: before.status, observed: after.status });
    check("OWN-6", "its history is the same", {
      expected: ["user: go", "assistant: an answer"],
      observed: plainly(await arrange("its history", "response", () => history(context, chatId))),
    });
  },
});
