import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { stalledReader } from "../kit/slow-reader.js";
import { has, shownText } from "../kit/subscriptions.js";

export const slowReaderAlone = defineCase({
  id: "flow/slow-reader-alone",
  title: "whoever does not read delays no other subscriber",
  rules: ["STREAM-13"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M29",
  limitMs: 60_000,
  run: async (context) => {
    const { check, waitFor } = context;
    const { quick, slow, script, content } = await stalledReader(context, { pieces: 32 });
    script.open("stalled");
    await waitFor(
      {
        rule: "STREAM-13",
        sentence: "the other one gets everything, while the slow one reads nothing",
        happens: (signal) =>
          quick.until("all of it", (_, events) => shownText(events) === content, { signal }),
      },
      "response",
    );
    script.open("end");
    await waitFor(
      {
        rule: "STREAM-13",
        sentence: "and the end of the turn",
        happens: (signal) => quick.settled({ signal }, has(2)),
      },
      "response",
    );
    check("STREAM-13", "every delta of it", {
      expected: true,
      observed: shownText(quick.events) === content,
    });
    check("STREAM-13", "the slow one has not been told the end yet", {
      expected: true,
      observed: slow.view.status !== ChatStatus.WAITING,
    });
  },
});
