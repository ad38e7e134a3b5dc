import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { gate, httpError, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { all, heldTurn, watchAt } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";
import { plainly, waiting } from "../kit/turns.js";
import { refusalOf } from "../kit/watched-turns.js";

const { method } = ChatService;

export const promotedOnce = defineCase({
  id: "queue/promoted-once",
  title: "a message that two replicas promote at once enters the history once",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M22",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, client, links, model, precondition, replica, waitFor } = context;
    const { chatId, script } = await heldTurn(context, [gate("middle"), httpError(401, "not this key")]);
    const pair = [replica(0), replica(1)];
    const watchers = await watchAt(context, chatId, pair);
    const next = model.script([text("an answer")], [text("and again")], [text("and again")]);
    const item = await arrange("a message that waits", "response", async () =>
      waiting(await send(context, chatId, next.says("two"))),
    );
    script.open("middle");
    await arrange(
      "the turn has failed, and the message still waits",
      "response",
      all(
        watchers,
        (watcher) => (signal) =>
          watcher.settled(
            { signal },
            ({ status, queue }) => status === ChatStatus.ERROR && queue.length === 1,
          ),
      ),
    );

    // Both have been asked before one of them can look.
    const stores = pair.map((each) => links(each).store);
    const marks = stores.map(({ journal }) => journal.mark);
    for (const store of stores) store.hold();
    const outcomes = pair.map(async (each) => {
      const request = { chatId, queuedMessageId: item.id };
      const refusal = await refusalOf(client({ replica: each }).unary(method.promoteQueuedMessage, request));
      return refusal === undefined ? "done" : (refusal.reason ?? refusal.code);
    });
    await arrange("both replicas wait for the store", "response", () =>
      Promise.all(stores.map(({ journal }, index) => journal.seen("held", { since: marks[index] ?? 0 }))),
    );
    for (const store of stores) store.release();
    const answers = await arrange("both have answered", "response", () => Promise.all(outcomes));
    check("CHAT-1", "one of them has promoted it, and for the other there is no such message any more", {
      expected: ["QUEUED_MESSAGE_NOT_FOUND", "done"],
      observed: answers.sort(),
    });
    precondition(
      "both links were held",
      stores.every(({ journal }, index) => journal.count("held", marks[index]) > 0),
    );
    const views = await waitFor(
      {
        rule: "CHAT-1",
        sentence: "its turn comes to its end",
        happens: all(watchers, (watcher) => idleWith(watcher, 3)),
      },
      "response",
    );
    check("CHAT-1", "it is in the history once", {
      expected: watchers.map(() => ["user: go", "user: two", "assistant: an answer"]),
      observed: views.map(({ messages }) => plainly(messages.values())),
    });
  },
});
