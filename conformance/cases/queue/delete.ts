import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send } from "../kit/chats.js";
import { plainly, runningTurn, waiting } from "../kit/turns.js";
import { refusalInWords, refusalOf } from "../kit/watched-turns.js";

const { method } = ChatService;

export const deleteQueued = defineCase({
  id: "queue/delete",
  title: "a message that was removed from the queue never runs, and cannot be removed again",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M141",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, client, fence, model, never, waitFor } = context;
    const { chat, script, watcher } = await runningTurn(context);
    const removed = model.script([text("To the removed one.")]);
    const kept = model.script([text("To the kept one.")]);
    const { id: queuedMessageId } = await arrange("a message waits", "response", async () =>
      waiting(await send(context, chat.id, removed.says("removed"))),
    );
    await arrange("another one waits", "response", () => send(context, chat.id, kept.says("kept")));
    const remove = () =>
      refusalOf(client().unary(method.deleteQueuedMessage, { chatId: chat.id, queuedMessageId }));
    const first = await waitFor(
      { rule: "CHAT-1", sentence: "the removal is answered", happens: remove },
      "response",
    );
    check("CHAT-1", "it is done", { expected: "accepted", observed: refusalInWords(first) });
    const second = await waitFor(
      { rule: "CHAT-1", sentence: "another removal is answered", happens: remove },
      "response",
    );
    check("CHAT-1", "there is no such message any more", {
      expected: "NOT_FOUND QUEUED_MESSAGE_NOT_FOUND",
      observed: refusalInWords(second),
    });
    script.open("middle");
    await fence("the one behind it has run, and the chat is idle", "response", (signal) =>
      watcher.settled({ signal }, ({ messages, queue }) => messages.size >= 4 && queue.length === 0),
    );
    never(
      "CHAT-1",
      "the model is asked about the removed message",
      removed.calls.map(({ index }) => index),
    );
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("CHAT-1", "the history does not have it", {
      expected: ["user: count", "assistant: One two three four", "user: kept", "assistant: To the kept one."],
      observed: plainly(messages),
    });
  },
});
