import { gate, reasoning, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import type { WatchEvent } from "../../suite/run/watch.js";
import { send, told } from "../kit/chats.js";
import { shownText, watchedChat } from "../kit/watched-turns.js";

const before = "Let me see. One two three ";
const after = "four five.";

export const joinMidEpisode = defineCase({
  id: "snapshot/join-mid-episode",
  title: "who comes in the middle of a step gets its deltas from seq 1, before caught_up, and then the rest",
  rules: ["STREAM-2", "STREAM-5"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M126",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, model, replicaNamed, waitFor, watch } = context;
    const script = model.script([
      reasoning("Let me see. ", { codePoints: 4 }),
      text("One two three ", { codePoints: 3 }),
      gate("middle"),
      text(after, { codePoints: 2 }),
      gate("said"),
    ]);
    const { chat, watcher } = await watchedChat(context);
    const asked = script.says("count");
    await arrange("a message", "response", () => send(context, chat.id, asked));
    const { replica } = await arrange("the model is in the middle", "response", (signal) =>
      script.reached("middle", { signal }),
    );
    await arrange("what it has said is shown", "response", (signal) =>
      watcher.until("the first half", (view) => shownText(view) === before, { signal }),
    );
    const late = watch(chat.id, { replica: replicaNamed(replica) });
    const snapshot = await waitFor(
      {
        rule: "STREAM-2",
        sentence: "who comes late is caught up",
        happens: (signal) => late.caughtUp({ signal }),
      },
      "response",
    );
    const end = late.events.findIndex((event) => event.case === "caughtUp");
    check("STREAM-2", "all that the model has said is in the snapshot", {
      expected: { shown: before, afterwards: 0 },
      observed: { shown: shownText(snapshot), afterwards: deltas(late.events.slice(end)).length },
    });

    script.open("middle");
    await arrange("the rest of the step is shown", "response", (signal) =>
      late.until("all of it", (view) => shownText(view) === before + after, { signal }),
    );
    script.open("said");
    const whole = await waitFor(
      {
        rule: "STREAM-2",
        sentence: "the step comes to its end, and its message",
        happens: (signal) => late.settled({ signal }, ({ messages }) => messages.size === 2),
      },
      "response",
    );
    check("STREAM-5", "its deltas are numbered from 1, without gap or repeat", {
      expected: [],
      observed: gapsIn(late.events),
    });
    check("STREAM-2", "the whole answer was shown", {
      expected: before + after,
      observed: deltas(late.events).map(fragment).join(""),
    });
    check("STREAM-2", "the messages are there", {
      expected: [`user: ${asked}`, `assistant: One two three ${after}`],
      observed: told(whole.messages.values()),
    });
  },
});

function deltas(events: readonly WatchEvent[]) {
  return events.flatMap((event) => (event.case === "messagePart" ? [event.value] : []));
}

function fragment({ part }: ReturnType<typeof deltas>[number]): string {
  const kind = part?.kind;
  return kind?.case === "text" || kind?.case === "reasoning" ? kind.value.text : "";
}

function gapsIn(events: readonly WatchEvent[]): string[] {
  let next = 1n;
  return deltas(events).flatMap(({ firstSeq, seq }) => {
    const expected = next;
    next = seq + 1n;
    return firstSeq === expected && seq >= firstSeq ? [] : [`${firstSeq}–${seq} instead of ${expected}`];
  });
}
