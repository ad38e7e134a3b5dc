import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { RpcClient } from "../../surroundings/clients/call.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { textOf, textPart } from "../kit/chats.js";
import { endOf } from "../kit/answers.js";
import { has, watchedChat } from "../kit/subscriptions.js";

const { method } = ChatService;
/** What a wire or a codec may trip over: U+0000, controls, private use, astral and combining characters, and what stands for itself. */
const awkward = "\u0000\u0007\u2028\ue000\ufeff😀e\u0301 \\u0041 \"'<&%3A\r\n\t";

export const unaryMatrix = defineCase({
  id: "wire/unary-matrix",
  title: "calls with one answer work over each wire, and strings come back as they were given",
  rules: ["COMPAT-3", "PART-5"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M156",
  wires: "each",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, client, model, waitFor } = context;
    const works = <T>(what: string, call: (client: RpcClient) => Promise<T>): Promise<T> =>
      waitFor({ rule: "COMPAT-3", sentence: `${what} works`, happens: () => call(client()) }, "response");
    const { chatId, watcher } = await watchedChat(context);
    const script = model.script([text(`answer ${awkward}`)]);

    await works("UpdateChat", (user) =>
      user.unary(method.updateChat, {
        chat: { id: chatId, title: `title ${awkward.slice(1)}`, labels: { color: "blue" }, pinned: true },
        updateMask: { paths: ["title", "labels", "pinned"] },
      }),
    );
    const { chat } = await works("GetChat", (user) => user.unary(method.getChat, { chatId }));
    check("PART-5", "a title comes back as it was given", {
      expected: { title: `title ${awkward.slice(1)}`, labels: { color: "blue" }, pinned: true },
      observed: { title: chat?.title, labels: chat?.labels, pinned: chat?.pinned },
    });
    const said = script.says(`question ${awkward}`);
    await works("SendMessage", (user) => user.unary(method.sendMessage, { chatId, parts: [textPart(said)] }));
    await arrange("its turn", "response", (signal) => watcher.settled({ signal }, has(2)));
    const { messages } = await works("ListMessages", (user) => user.unary(method.listMessages, { chatId }));
    check("PART-5", "what a user and a model said comes back as it was given", {
      expected: [said, `answer ${awkward}`],
      observed: messages.map(textOf),
    });
    const { chats } = await works("ListChats", (user) => user.unary(method.listChats, { pageSize: 200 }));
    check("COMPAT-3", "ListChats has the chat", {
      expected: true,
      observed: chats.some(({ id }) => id === chatId),
    });
    await works("DeleteChat", (user) => user.unary(method.deleteChat, { chatId }));
    const end = await endOf(context, "COMPAT-3", method.getChat, { chatId });
    check("COMPAT-3", "after that there is no such chat", {
      expected: "NOT_FOUND",
      observed: end.how === "failed" ? end.failure.code : end.how,
    });
  },
});
