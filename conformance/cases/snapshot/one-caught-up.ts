import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, textPart } from "../kit/chats.js";
import { messagesTold, talk } from "../kit/watched-turns.js";

export const oneCaughtUp = defineCase({
  id: "snapshot/one-caught-up",
  title: "caught_up comes once, also when turns follow and the history is rewritten",
  rules: ["STREAM-2"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M119",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, client, fence, model, never, waitFor, watch } = context;
    const chat = await arrange("a chat", "response", () => createChat(context));
    const watcher = watch(chat.id);
    await waitFor(
      {
        rule: "STREAM-2",
        sentence: "a subscription to an empty chat is caught up",
        happens: (signal) => watcher.caughtUp({ signal }),
      },
      "response",
    );
    const script = model.script([text("one")], [text("another")], [text("more")]);
    await talk(context, watcher, script.says("first"));
    const { cursor } = watcher;
    const [first] = messagesTold(watcher.events);
    await arrange("the first message is edited", "response", () =>
      client().unary(ChatService.method.editMessage, {
        chatId: chat.id,
        messageId: first?.id ?? 0n,
        parts: [textPart(script.says("edited"))],
      }),
    );
    await arrange("the edited message is answered", "response", (signal) =>
      watcher.settled({ signal }, ({ messages }) => messages.size === 2 && !messages.has(first?.id ?? 0n)),
    );
    const back = watch(chat.id, { cursor });
    await waitFor(
      {
        rule: "STREAM-2",
        sentence: "who comes back with a cursor is caught up",
        happens: (signal) => back.caughtUp({ signal }),
      },
      "response",
    );
    await fence("another turn", "response", () => talk(context, watcher, script.says("more")));
    await fence("which who came back knows as well", "response", (signal) =>
      back.until("the turn", ({ messages }) => messages.size === 4, { signal }),
    );
    for (const { events } of [watcher, back])
      never(
        "STREAM-2",
        "caught_up does not come a second time",
        events.filter((event) => event.case === "caughtUp").slice(1),
      );
  },
});
