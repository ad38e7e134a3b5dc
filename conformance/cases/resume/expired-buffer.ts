import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send, told } from "../kit/chats.js";
import { has, kindsOf, shownText, watchedChat } from "../kit/subscriptions.js";

export const expiredBuffer = defineCase({
  id: "resume/expired-buffer",
  title: "a cursor into deltas that nobody has any more gives a preview reset and what was committed",
  rules: ["STREAM-3"],
  level: "MUST",
  profile: "core",
  needs: ["model", "processes"],
  mutant: "M154",
  limitMs: 240_000,
  run: async (context) => {
    const { arrange, check, mayLose, model, process, target, waitFor, watch } = context;
    const { chatId, watcher } = await watchedChat(context);
    const script = model.script([text("One two "), gate("middle"), text("three")]);
    await arrange("a message", "response", () => send(context, chatId, script.says("count")));
    await arrange("the beginning is shown", "response", (signal) =>
      watcher.until("it", (_, events) => shownText(events) === "One two ", { signal }),
    );
    const { cursor } = watcher;
    script.open("middle");
    await arrange("the end of the turn", "response", (signal) => watcher.settled({ signal }, has(2)));
    const all = await arrange("the history", "response", () => history(context, chatId));
    mayLose("every replica ends, and with it the deltas that it held");
    for (const replica of target.replicas)
      await arrange(`${replica.name} starts anew`, "start", () => process(replica).restart());

    const resumed = watch(chatId, { cursor });
    await waitFor(
      {
        rule: "STREAM-3",
        sentence: "the cursor of before catches up",
        happens: (signal) => resumed.caughtUp({ signal }),
      },
      "response",
    );
    check("STREAM-3", "preview_reset takes back what was shown, then comes the message", {
      expected: ["previewReset", "message"],
      observed: kindsOf(resumed.events).filter((kind) =>
        ["previewReset", "messagePart", "message"].includes(kind),
      ),
    });
    check("STREAM-3", "it is the message that was committed", {
      expected: told(all.slice(1)),
      observed: told(resumed.view.messages.values()),
    });
  },
});
