import { defineCase } from "../../suite/cases/define-case.js";
import { textOf } from "../kit/chats.js";
import { stalledReader } from "../kit/slow-reader.js";
import { has, kindsOf, shownText } from "../kit/subscriptions.js";

export const slowReaderExactOrTold = defineCase({
  id: "flow/slow-reader-exact-or-told",
  title: "whoever reads slowly gets everything, or is told: there is no silent hole",
  rules: ["STREAM-13", "STREAM-6"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M164",
  wires: "each",
  limitMs: 120_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const { quick, slow, script, content } = await stalledReader(context, { pieces: 48 });
    script.open("stalled");
    await waitFor(
      {
        rule: "STREAM-13",
        sentence: "the quick one gets everything",
        happens: (signal) =>
          quick.until("all of it", (_, events) => shownText(events) === content, { signal }),
      },
      "response",
    );
    script.open("end");
    await arrange("the end of the turn for the quick one", "response", (signal) =>
      quick.settled({ signal }, has(2)),
    );
    slow.call.resume();
    const end = await waitFor(
      {
        rule: "STREAM-13",
        sentence: "as soon as it reads, the slow one gets everything, or an end",
        happens: (signal) => slow.settled({ signal }, has(2)).catch(() => slow.ended({ signal })),
      },
      "response",
    );
    if ("how" in end) {
      check("STREAM-13", "an end says that it was too slow", {
        expected: ["RESOURCE_EXHAUSTED", "SLOW_CONSUMER"],
        observed: end.how === "failed" ? [end.failure.code, end.failure.reason] : [end.how],
      });
      check("STREAM-13", "up to there nothing is missing", {
        expected: true,
        observed: content.startsWith(shownText(slow.events)),
      });
      return;
    }
    const isReset = kindsOf(slow.events).includes("previewReset");
    check("STREAM-6", "merged or not, the deltas are the text, unless they were taken back", {
      expected: true,
      observed: isReset || shownText(slow.events) === content,
    });
    check("STREAM-13", "the message is the same for both", {
      expected: [...quick.view.messages.values()].map(textOf),
      observed: [...end.messages.values()].map(textOf),
    });
  },
});
