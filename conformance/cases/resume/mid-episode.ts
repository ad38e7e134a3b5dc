import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { deltasIn, differences, has, kindsOf, shownText, watchedChat } from "../kit/subscriptions.js";

export const midEpisode = defineCase({
  id: "resume/mid-episode",
  title:
    "whoever comes back in the middle of an episode gets its rest once, or a preview reset and all of it",
  rules: ["STREAM-3", "STREAM-5"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M150",
  wires: "each",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, model, waitFor, watch } = context;
    const { chatId, watcher: stays } = await watchedChat(context);
    const leaves = watch(chatId);
    const script = model.script([
      text("One two ", { codePoints: 2 }),
      gate("gone"),
      text("three ", { codePoints: 2 }),
      gate("back"),
      text("four", { codePoints: 1 }),
      gate("said"),
    ]);
    await arrange("a message", "response", () => send(context, chatId, script.says("count")));
    await arrange("both see the beginning", "response", (signal) =>
      Promise.all(
        [stays, leaves].map((watcher) =>
          watcher.until("the beginning", (_, events) => shownText(events) === "One two ", { signal }),
        ),
      ),
    );
    const { cursor } = leaves;
    const lastSeq = deltasIn(leaves.events).at(-1)?.seq ?? 0n;
    leaves.cancel();
    script.open("gone");
    await arrange("the model goes on", "response", (signal) => script.reached("back", { signal }));

    const resumed = watch(chatId, { cursor });
    await waitFor(
      {
        rule: "STREAM-3",
        sentence: "what came meanwhile is told, while the model goes on",
        happens: (signal) =>
          resumed.until("three", (_, events) => shownText(events).endsWith("three "), { signal }),
      },
      "response",
    );
    script.open("back");
    await arrange("the rest is shown", "response", (signal) =>
      resumed.until("four", (_, events) => shownText(events).endsWith("four"), { signal }),
    );
    script.open("said");
    await waitFor(
      {
        rule: "STREAM-3",
        sentence: "the turn comes to its end for whoever came back",
        happens: (signal) => resumed.settled({ signal }, has(1)),
      },
      "response",
    );
    await arrange("the end for whoever stayed", "response", (signal) => stays.settled({ signal }, has(2)));
    const isReset = kindsOf(resumed.events).includes("previewReset");
    check("STREAM-3", "the rest comes once; after a preview reset, all of it", {
      expected: isReset ? "One two three four" : "three four",
      observed: shownText(resumed.events),
    });
    check(
      "STREAM-5",
      "the first delta is the one after the last that was received; after a preview reset, 1",
      {
        expected: isReset ? 1n : lastSeq + 1n,
        observed: deltasIn(resumed.events)[0]?.firstSeq,
      },
    );
    const response = leaves.responses.length - 1;
    check("STREAM-3", "it is as if the subscriber had never left", {
      expected: [],
      observed: differences(leaves, response, resumed).filter((found) => !found.startsWith("ends-agree")),
    });
  },
});
