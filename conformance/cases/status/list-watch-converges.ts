import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, getChat } from "../kit/chats.js";
import { rename } from "../kit/cluster.js";

const { method } = ChatService;

export const listWatchConverges = defineCase({
  id: "status/list-watch-converges",
  title: "who watches the list of chats at one replica comes to know what happens at another",
  rules: ["LIST-2", "LIST-4"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas"],
  mutant: "M195",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, client, model, replica, use, waitFor } = context;
    const [here, there] = [replica(0), replica(1)];
    const list = use(client({ replica: there }).call(method.watchChats, { updatesOnly: true }));
    const told = () => list.messages.flatMap(({ message }) => message.events.map(({ event }) => event));
    await arrange("somebody watches the list", "response", (signal) =>
      list.until("caught_up", () => told().some(({ case: kind }) => kind === "caughtUp") || undefined, {
        signal,
      }),
    );
    const script = model.script([text("an answer")]);
    const { id } = await arrange("a chat at another replica", "response", () =>
      createChat(context, { says: script.says("go"), replica: here }),
    );
    await arrange("a new title", "response", () => rename(context, id, "another", { replica: here }));
    const latest = () =>
      told()
        .flatMap((event) =>
          event.case === "chatUpdate" && event.value.chat?.id === id ? [event.value.chat] : [],
        )
        .at(-1);
    const shown = await waitFor(
      {
        rule: "LIST-2",
        sentence: "the chat is told with its new title and as idle",
        happens: (signal) =>
          list.until(
            "the chat's last state",
            () => {
              const chat = latest();
              return chat?.title === "another" && chat.status === ChatStatus.WAITING ? chat : undefined;
            },
            { signal },
          ),
      },
      "notify_poll",
    );
    const chat = await arrange("the chat as it is", "response", () => getChat(context, id));
    check("LIST-2", "what was told is the chat as it is", { expected: chat, observed: shown });
    await arrange("the chat is deleted", "response", () =>
      client({ replica: here }).unary(method.deleteChat, { chatId: id }),
    );
    await waitFor(
      {
        rule: "LIST-4",
        sentence: "the deletion is told",
        happens: (signal) =>
          list.until(
            "chat_delete",
            () =>
              told().some((event) => event.case === "chatDelete" && event.value.chatId === id) || undefined,
            { signal },
          ),
      },
      "notify_poll",
    );
  },
});
