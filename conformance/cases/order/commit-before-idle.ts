import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { gate, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import type { WatchEvent } from "../../suite/run/watch.js";
import { send } from "../kit/chats.js";
import { messagesTold, shownText, watchedChat } from "../kit/watched-turns.js";

export const commitBeforeIdle = defineCase({
  id: "order/commit-before-idle",
  title: "a chat is never told to be idle before the messages of its turn",
  rules: ["STREAM-10"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M125",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, model, waitFor, watch } = context;
    const script = model.script([text("I look. "), gate("middle"), toolCall("look", {})], [text("Nothing.")]);
    const { chat, watcher } = await watchedChat(context);
    await arrange("a message", "response", () => send(context, chat.id, script.says("look")));
    const { cursor } = await arrange("a cursor in the middle of the turn", "response", async (signal) => {
      await watcher.until("the first step", (view) => shownText(view) === "I look. ", { signal });
      return watcher;
    });
    const seen = watcher.events.length;
    script.open("middle");
    await waitFor(
      {
        rule: "STREAM-10",
        sentence: "the turn comes to its end",
        happens: (signal) => watcher.settled({ signal }, ({ messages }) => messages.size === 4),
      },
      "response",
    );
    check("STREAM-10", "all messages of the turn come before its end", {
      expected: 3,
      observed: messagesBeforeIdle(watcher.events.slice(seen)),
    });
    // Who was away gets the messages and the end of the turn at one go.
    const back = watch(chat.id, { cursor });
    await waitFor(
      {
        rule: "STREAM-10",
        sentence: "who comes back is told the end of the turn",
        happens: (signal) =>
          back.until(
            "the end",
            ({ caughtUp, messages, status }) =>
              caughtUp && messages.size === 3 && status === ChatStatus.WAITING,
            { signal },
          ),
      },
      "response",
    );
    check("STREAM-10", "to who comes back, too", { expected: 3, observed: messagesBeforeIdle(back.events) });
  },
});

function messagesBeforeIdle(events: readonly WatchEvent[]): number {
  const idle = events.findIndex(
    (event) => event.case === "status" && event.value.status === ChatStatus.WAITING,
  );
  return messagesTold(events.slice(0, idle)).length;
}
