import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, getChat, history, send, told } from "../kit/chats.js";
import { refusalInWords, refusalOf } from "../kit/watched-turns.js";

export const archiveBlocksSend = defineCase({
  id: "lifecycle/archive-blocks-send",
  title: "an archived chat accepts no message, and is what it was when it is taken out again",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M118",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, client, waitFor } = context;
    const { id } = await arrange("a chat", "response", () => createChat(context));
    const archive = (archived: boolean) =>
      client().unary(ChatService.method.updateChat, {
        chat: { id, archived },
        updateMask: { paths: ["archived"] },
      });
    const { chat: archived } = await waitFor(
      { rule: "CHAT-1", sentence: "an idle chat can be archived", happens: () => archive(true) },
      "response",
    );
    check("CHAT-1", "it is archived", { expected: true, observed: archived?.archived });

    const refusal = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "a message to an archived chat is answered",
        happens: () => refusalOf(send(context, id, "hello")),
      },
      "response",
    );
    check("CHAT-1", "an archived chat refuses a message", {
      expected: "FAILED_PRECONDITION CHAT_ARCHIVED",
      observed: refusalInWords(refusal),
    });
    const [after, messages] = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "the chat can be read",
        happens: () => Promise.all([getChat(context, id), history(context, id)]),
      },
      "response",
    );
    check("CHAT-1", "what was refused has changed nothing", {
      expected: { version: archived?.versions?.snapshotVersion, archived: true, history: [] },
      observed: {
        version: after.versions?.snapshotVersion,
        archived: after.archived,
        history: told(messages),
      },
    });

    const { chat: back } = await waitFor(
      { rule: "CHAT-1", sentence: "the chat can be taken out again", happens: () => archive(false) },
      "response",
    );
    check("CHAT-1", "it is in the status that it had", {
      expected: { archived: false, status: ChatStatus.WAITING },
      observed: { archived: back?.archived, status: back?.status },
    });
    const { outcome } = await waitFor(
      { rule: "CHAT-1", sentence: "it accepts messages again", happens: () => send(context, id, "hello") },
      "response",
    );
    check("CHAT-1", "a message enters its history", { expected: "message", observed: outcome.case });
  },
});
