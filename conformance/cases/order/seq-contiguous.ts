import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, send } from "../kit/chats.js";
import { deltasIn } from "../kit/subscriptions.js";

export const seqContiguous = defineCase({
  id: "order/seq-contiguous",
  title: "deltas of an episode arrive as 1..n, without gap or repeat",
  rules: ["STREAM-5"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M28",
  wires: "each",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, model, waitFor, watch } = context;
    const script = model.script([
      text("One two three ", { codePoints: 2 }),
      gate("middle"),
      text("four five", { codePoints: 1 }),
      gate("said"),
    ]);
    const chat = await arrange("a chat", "response", () => createChat(context));
    const watcher = watch(chat.id);
    await arrange("somebody watches it", "response", (signal) => watcher.caughtUp({ signal }));
    await arrange("a message", "response", () => send(context, chat.id, script.says("count")));
    await arrange("the model is in the middle", "response", (signal) => script.reached("middle", { signal }));
    // What comes after this is another event, however much is merged.
    await arrange("the first deltas are shown", "response", (signal) =>
      watcher.until("a delta", ({ step }) => step !== undefined, { signal }),
    );
    const known = deltasIn(watcher.events).length;
    script.open("middle");
    await waitFor(
      {
        rule: "STREAM-5",
        sentence: "what comes then is shown before the turn ends",
        happens: (signal) =>
          watcher.until("more deltas", (_, events) => deltasIn(events).length > known, { signal }),
      },
      "response",
    );
    script.open("said");
    await waitFor(
      {
        rule: "STREAM-5",
        sentence: "the turn comes to its end",
        happens: (signal) => watcher.settled({ signal }, ({ messages }) => messages.size === 2),
      },
      "response",
    );
    let next = 1n;
    const seqs = watcher.events.flatMap((event) => (event.case === "messagePart" ? [event.value] : []));
    const gaps = seqs.flatMap(({ firstSeq, seq }) => {
      const found = firstSeq === next && seq >= firstSeq ? [] : [`${firstSeq}–${seq} instead of ${next}`];
      next = seq + 1n;
      return found;
    });
    check("STREAM-5", "first_seq is the seq before, plus 1", { expected: [], observed: gaps });
    check("STREAM-5", "there are deltas", {
      expected: "at least 2",
      observed: seqs.length,
      holds: seqs.length >= 2,
    });
  },
});
