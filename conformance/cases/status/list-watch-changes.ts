import { type Chat, ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { gate, httpError } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { update, watchList } from "../kit/chat-list.js";
import { createChat, getChat, send } from "../kit/chats.js";

export const listWatchChanges = defineCase({
  id: "status/list-watch-changes",
  title: "a list tells every change of what it shows of a chat, with the whole chat",
  rules: ["LIST-2"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M207",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const list = watchList(context, { updatesOnly: true });
    await arrange("somebody watches the list", "response", (signal) => list.event("caughtUp", signal));
    const { id } = await arrange("a chat", "response", () => createChat(context));
    const told = (what: string, isIt: (chat: Chat) => boolean): Promise<Chat> =>
      waitFor(
        {
          rule: "LIST-2",
          sentence: `${what} is told`,
          happens: (signal) => list.chat(id, isIt, signal),
        },
        "response",
      );
    await told("a new chat", ({ status }) => status === ChatStatus.WAITING);
    const changes = {
      title: { fields: { title: "Tides" }, isIt: (chat: Chat) => chat.title === "Tides" },
      labels: { fields: { labels: { sea: "north" } }, isIt: (chat: Chat) => chat.labels["sea"] === "north" },
      pinned: { fields: { pinned: true }, isIt: (chat: Chat) => chat.pinned },
      archived: { fields: { archived: true }, isIt: (chat: Chat) => chat.archived },
      "no longer archived": { fields: { archived: false }, isIt: (chat: Chat) => !chat.archived },
    };
    for (const [what, { fields, isIt }] of Object.entries(changes)) {
      await arrange(what, "response", () => update(context, id, fields));
      await told(what, isIt);
    }
    const script = model.script([gate("middle"), httpError(401, "who are you?")]);
    await arrange("a message", "response", () => send(context, id, script.says("go")));
    await told("a turn that runs", ({ status }) => status === ChatStatus.RUNNING);
    await arrange("the model was asked", "response", (signal) => script.reached("middle", { signal }));
    script.open("middle");
    const failed = await told("a turn that failed", ({ status }) => status === ChatStatus.ERROR);
    const chat = await arrange("the chat", "response", () => getChat(context, id));
    check("LIST-2", "the event carries the whole chat", { expected: chat, observed: failed });
  },
});
