import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat, send, told } from "../kit/chats.js";
import { refusalInWords, refusalOf, watchedChat } from "../kit/watched-turns.js";

export const archiveRunningRefused = defineCase({
  id: "lifecycle/archive-running-refused",
  title: "a running chat refuses to be archived, and its turn goes on",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M118",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, client, model, waitFor } = context;
    const script = model.script([text("One "), gate("middle"), text("two.")]);
    const { chat, watcher } = await watchedChat(context);
    const { id } = chat;
    await arrange("a message", "response", () => send(context, id, script.says("count")));
    await arrange("the model is in the middle", "response", (signal) => script.reached("middle", { signal }));
    const before = await arrange("the chat as it is", "response", () => getChat(context, id));
    const refusal = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "the wish to archive a running chat is answered",
        happens: () =>
          refusalOf(
            client().unary(ChatService.method.updateChat, {
              chat: { id, archived: true },
              updateMask: { paths: ["archived"] },
            }),
          ),
      },
      "response",
    );
    check("CHAT-1", "a running chat is not archived", {
      expected: "FAILED_PRECONDITION CHAT_BUSY",
      observed: refusalInWords(refusal),
    });
    const after = await waitFor(
      { rule: "CHAT-1", sentence: "the chat can be read", happens: () => getChat(context, id) },
      "response",
    );
    check("CHAT-1", "what was refused has changed nothing", {
      expected: { archived: false, status: before.status, version: before.versions?.snapshotVersion },
      observed: { archived: after.archived, status: after.status, version: after.versions?.snapshotVersion },
    });
    script.open("middle");
    const view = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "the turn comes to its end",
        happens: (signal) => watcher.settled({ signal }, ({ messages }) => messages.size === 2),
      },
      "response",
    );
    check("CHAT-1", "the answer is whole", {
      expected: [`user: ${script.says("count")}`, "assistant: One two."],
      observed: told(view.messages.values()),
    });
  },
});
