import { Role } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { isSettled, type View } from "../../transcript/view.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send, textOf, told } from "../kit/chats.js";
import { watchedChat } from "../kit/watched-turns.js";

const count = 12;

export const concurrentSends = defineCase({
  id: "lifecycle/concurrent-sends",
  title: "of many messages that are sent at once none is lost, and all have one order",
  rules: ["CHAT-1", "CHAT-5", "MSG-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M117",
  limitMs: 60_000,
  run: async (context) => {
    const { check, model, waitFor } = context;
    const [first, ...rest] = Array.from({ length: count }, (_, index) => [text(`answer ${index + 1}`)]);
    const script = model.script([gate("all are sent"), ...(first ?? [])], ...rest);
    const { chat, watcher } = await watchedChat(context);
    const texts = Array.from({ length: count }, (_, index) => script.says(`message ${index + 1}`));
    const outcomes = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "every message is acknowledged",
        happens: () =>
          Promise.all(texts.map(async (said) => ({ said, ...(await send(context, chat.id, said)).outcome }))),
      },
      "response",
    );
    const taken = outcomes.flatMap((outcome) => (outcome.case === "message" ? [outcome.said] : []));
    const queued = outcomes.flatMap((outcome) =>
      outcome.case === "queuedMessage" ? [{ said: outcome.said, id: outcome.value.id }] : [],
    );
    check("CHAT-1", "one of them begins a turn, the others wait", {
      expected: { taken: 1, queued: count - 1 },
      observed: { taken: taken.length, queued: queued.length },
    });
    check("CHAT-1", "each that waits has an id of its own", {
      expected: count - 1,
      observed: new Set(queued.map(({ id }) => id)).size,
    });

    script.open("all are sent");
    // Each turn has a bound of its own.
    for (let seen = 0; !isOver(watcher.view); seen = watcher.view.messages.size)
      await waitFor(
        {
          rule: "CHAT-5",
          sentence: "the turns come to their end, one after the other, and the queue with them",
          happens: (signal) =>
            watcher.until("a message more, or the end", (view) => view.messages.size > seen || isOver(view), {
              signal,
            }),
        },
        "response",
      );
    const messages = await waitFor(
      { rule: "MSG-1", sentence: "the history can be read", happens: () => history(context, chat.id) },
      "response",
    );
    check("CHAT-5", "each message entered the history once", {
      expected: texts.toSorted(),
      observed: messages
        .filter(({ role }) => role === Role.USER)
        .map(textOf)
        .toSorted(),
    });
    check("MSG-1", "ids are unique and increase", {
      expected: [...new Set(messages.map(({ id }) => id))].toSorted((a, b) => Number(a - b)),
      observed: messages.map(({ id }) => id),
    });
    check("MSG-1", "who watched saw the same order", {
      expected: told(messages),
      observed: told(watcher.view.messages.values()),
    });
  },
});

function isOver(view: View): boolean {
  return isSettled(view) && view.messages.size > 1 && view.queue.length === 0;
}
