import { defineCase } from "../../suite/cases/define-case.js";
import { textOf } from "../kit/chats.js";
import { stalledReader } from "../kit/slow-reader.js";
import { has, shownText } from "../kit/subscriptions.js";

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
    const { chatId, quick, slow, script, bursts } = await stalledReader(context, { pieces: 192, bursts: 6 });
    // All of it at once, and it would be chance who is too slow.
    for (const [index, { gate, said }] of bursts.entries()) {
      script.open(gate);
      await arrange(`the quick one reads part ${index + 1}`, "response", (signal) =>
        quick.until("all of it", (_, events) => shownText(events).length === said.length, { signal }),
      );
    }
    script.open("end");
    await arrange("the end of the turn", "response", (signal) => quick.settled({ signal }, has(2)));
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
      expected: [...quick.view.messages.values()].map(textOf),
      observed: [...messages.values()].map(textOf),
    });
  },
});
