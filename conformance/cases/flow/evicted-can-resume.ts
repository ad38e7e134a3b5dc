import { defineCase } from "../../suite/cases/define-case.js";
import { textOf } from "../kit/chats.js";
import { stalledReader } from "../kit/slow-reader.js";
import { has } from "../kit/subscriptions.js";

export const evictedCanResume = defineCase({
  id: "flow/evicted-can-resume",
  title: "whoever was ended for reading too slowly goes on at its last cursor, and lacks nothing",
  rules: ["STREAM-13"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M165",
  limitMs: 120_000,
  run: async (context) => {
    const { arrange, check, waitFor, watch } = context;
    // A target may keep as much as it likes: then there is nobody to resume, and the reader gets everything.
    const { chatId, quick, slow, script } = await stalledReader(context, 320);
    // Nobody else reads so much at once: there it would be chance who is too slow.
    quick.cancel();
    script.open("stalled");
    script.open("end");
    await arrange("the model says all of it", "response", async (signal) =>
      (await script.call(0, { signal })).ended({ signal }),
    );
    const newcomer = watch(chatId);
    await arrange("a newcomer, who reads what was said", "response", (signal) =>
      newcomer.caughtUp({ signal }),
    );
    await arrange("the end of the turn", "response", (signal) => newcomer.settled({ signal }, has(2)));
    slow.call.resume();
    const end = await waitFor(
      {
        rule: "STREAM-13",
        sentence: "as soon as it reads, the slow one gets everything, or an end",
        happens: (signal) => slow.settled({ signal }, has(2)).catch(() => slow.ended({ signal })),
      },
      "response",
    );
    let { messages } = slow.view;
    if ("how" in end) {
      check("STREAM-13", "the end says that it was too slow", {
        expected: ["RESOURCE_EXHAUSTED", "SLOW_CONSUMER"],
        observed: end.how === "failed" ? [end.failure.code, end.failure.reason] : [end.how],
      });
      const resumed = watch(chatId, { cursor: slow.cursor });
      const rest = await waitFor(
        {
          rule: "STREAM-13",
          sentence: "it resumes at its last cursor",
          happens: (signal) => resumed.caughtUp({ signal }),
        },
        "response",
      );
      messages = new Map([...messages, ...rest.messages]);
    }
    check("STREAM-13", "in the end it has the messages that were committed", {
      expected: [...newcomer.view.messages.values()].map(textOf),
      observed: [...messages.values()].map(textOf),
    });
  },
});
