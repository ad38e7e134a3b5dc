import { gate, reasoning, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import {
  differences,
  has,
  messagesIn,
  restOfEpisode,
  shownText,
  splitAfter,
  watchedChat,
} from "../kit/subscriptions.js";

export const everyCursor = defineCase({
  id: "resume/every-cursor",
  title: "resuming at any cursor of a transcript yields exactly what followed it",
  rules: ["STREAM-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M150",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, precondition, waitFor, watch } = context;
    const { chatId, watcher } = await watchedChat(context);
    const script = model.script(
      [
        reasoning("think ", { codePoints: 2 }),
        gate("a"),
        text("One ", { codePoints: 1 }),
        gate("b"),
        text("two "),
        toolCall("look", ['{"at":', gate("c"), "1}"]),
      ],
      [text("three "), gate("d"), text("four", { codePoints: 1 })],
    );
    await arrange("a message", "response", () => send(context, chatId, script.says("count")));
    for (const [name, shown] of [
      ["a", ""],
      ["b", "One "],
      ["c", "One two "],
      ["d", "One two three "],
    ] as const) {
      await arrange(`${shown}is shown`, "response", async (signal) => {
        await script.reached(name, { signal });
        await watcher.until(shown, (_, events) => shownText(events) === shown, { signal });
      });
      script.open(name);
    }
    await arrange("the end of the turn", "response", (signal) => watcher.settled({ signal }, has(4)));
    const last = model.script([text("five six", { codePoints: 2 })]);
    await arrange("another message", "response", () => send(context, chatId, last.says("go on")));
    await arrange("the end of its turn", "response", (signal) => watcher.settled({ signal }, has(6)));

    const { responses } = watcher;
    precondition("there are at least ten cursors", responses.length >= 10);
    for (const [index, { cursor }] of responses.entries()) {
      const resumed = watch(chatId, { cursor });
      await waitFor(
        {
          rule: "STREAM-3",
          sentence: `whoever comes back with cursor ${index} catches up`,
          happens: (signal) => resumed.caughtUp({ signal }),
        },
        "response",
      );
      const { after, view } = splitAfter(watcher, index);
      const told = (events: typeof after) => ({
        messages: messagesIn(events),
        rest: restOfEpisode(view, events),
      });
      check("STREAM-3", `after cursor ${index} come the messages and the rest of the step that followed it`, {
        expected: told(after),
        observed: told(resumed.events),
      });
      check("STREAM-3", `with cursor ${index} it is as if the subscriber had never left`, {
        expected: [],
        observed: differences(watcher, index, resumed),
      });
    }
  },
});
