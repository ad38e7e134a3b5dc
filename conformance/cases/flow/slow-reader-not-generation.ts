import { defineCase } from "../../suite/cases/define-case.js";
import { textOf } from "../kit/chats.js";
import { stalledReader } from "../kit/slow-reader.js";

export const slowReaderNotGeneration = defineCase({
  id: "flow/slow-reader-not-generation",
  title: "whoever does not read delays neither the model nor the commit, also when nobody else watches",
  rules: ["STREAM-13"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M29",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor, watch } = context;
    const { chatId, quick, script, content } = await stalledReader(context, { pieces: 32 });
    quick.cancel();
    script.open("stalled");
    script.open("end");
    const { how } = await waitFor(
      {
        rule: "STREAM-13",
        sentence: "the model says all that it has to say",
        happens: async (signal) => (await script.call(0, { signal })).ended({ signal }),
      },
      "response",
    );
    check("STREAM-13", "nobody has broken it off", { expected: "completed", observed: how });
    const newcomer = watch(chatId);
    await arrange("a newcomer", "response", (signal) => newcomer.caughtUp({ signal }));
    const { messages } = await waitFor(
      {
        rule: "STREAM-13",
        sentence: "it is committed",
        happens: (signal) => newcomer.settled({ signal }, (view) => view.messages.size === 2),
      },
      "response",
    );
    check("STREAM-13", "all of it", {
      expected: true,
      observed: [...messages.values()].some((message) => textOf(message) === content),
    });
  },
});
