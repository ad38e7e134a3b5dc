import type { Message } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, textPart, told } from "../kit/chats.js";
import { messagesTold, talk, watchedChat } from "../kit/watched-turns.js";

export const truncatedAbsent = defineCase({
  id: "snapshot/truncated-absent",
  title: "messages that an edit has hidden are in no snapshot, and stay counted",
  rules: ["MSG-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M129",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, client, fence, model, never, waitFor, watch } = context;
    const { chat, watcher } = await watchedChat(context);
    const script = model.script(
      ...["one", "two", "three", "new two", "new three"].map((word) => [text(word)]),
    );
    const [first, edited] = [script.says("first"), script.says("edited")];
    await talk(context, watcher, first);
    const { cursor } = watcher;
    await talk(context, watcher, script.says("second"));
    await talk(context, watcher, script.says("third"));
    const ids = [...watcher.view.messages.keys()];
    const hidden = new Set(ids.slice(2));
    await arrange("the second message is edited", "response", () =>
      client().unary(ChatService.method.editMessage, {
        chatId: chat.id,
        messageId: ids[2] ?? 0n,
        parts: [textPart(edited)],
      }),
    );
    await arrange("the edited message is answered", "response", (signal) =>
      watcher.settled({ signal }, (view) => told(view.messages.values()).includes("assistant: new two")),
    );
    const left = [`user: ${first}`, "assistant: one", `user: ${edited}`, "assistant: new two"];
    check("MSG-3", "who watched the edit is left with the same history", {
      expected: left,
      observed: told(watcher.view.messages.values()),
    });

    const late = watch(chat.id);
    const newest = watch(chat.id, { afterMessageId: ids[1] ?? 0n });
    const back = watch(chat.id, { cursor });
    const all = [late, newest, back];
    for (const each of all)
      await waitFor(
        {
          rule: "MSG-3",
          sentence: "who comes after the edit is caught up",
          happens: (signal) => each.caughtUp({ signal }),
        },
        "response",
      );
    const messages = await waitFor(
      { rule: "MSG-3", sentence: "the history can be read", happens: () => history(context, chat.id) },
      "response",
    );
    check("MSG-3", "the history has what is left, and what replaces the rest", {
      expected: left,
      observed: told(messages),
    });
    check("MSG-3", "so has a snapshot", { expected: left, observed: told(late.view.messages.values()) });
    check("MSG-3", "what was hidden stays counted: new ids come after the hidden ones", {
      expected: `greater than ${ids.at(-1)}`,
      observed: messages.slice(2).map(({ id }) => id),
      holds: messages.slice(2).every(({ id }) => id > (ids.at(-1) ?? 0n)),
    });

    await talk(context, watcher, script.says("more"));
    for (const each of all)
      await fence("who came after the edit knows another turn", "response", (signal) =>
        each.until("the turn", (view) => told(view.messages.values()).includes("assistant: new three"), {
          signal,
        }),
      );
    never("MSG-3", "no hidden message is told after the edit", [
      ...all.flatMap(({ events }) => messagesTold(events).filter(isHidden(hidden))),
    ]);
  },
});

function isHidden(hidden: ReadonlySet<bigint>): (message: Message) => boolean {
  return ({ id }) => hidden.has(id);
}
