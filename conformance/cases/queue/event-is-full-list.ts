import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { QueuedMessage } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send, textOf } from "../kit/chats.js";
import { runningTurn, waiting } from "../kit/turns.js";

const { method } = ChatService;

export const eventIsFullList = defineCase({
  id: "queue/event-is-full-list",
  title: "each queue event carries the whole queue, in order",
  rules: ["CHAT-1", "STREAM-2"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M140",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor, watch } = context;
    const { chat, watcher } = await runningTurn(context);
    const expected: string[] = [];
    const told = async (what: string): Promise<void> => {
      const queue = await waitFor(
        {
          rule: "CHAT-1",
          sentence: `${what}: the queue is told`,
          happens: (signal) =>
            watcher.until(
              "another queue",
              (_, events) => {
                const updates = events.filter((event) => event.case === "queueUpdate");
                const last = updates.at(-1)?.value.queue;
                return updates.length > seen && last;
              },
              { signal },
            ),
        },
        "response",
      );
      check("CHAT-1", `${what}: the event has all of it`, {
        expected: [...expected],
        observed: inWords(queue),
      });
      seen = updatesOf();
    };
    const updatesOf = (): number => watcher.events.filter((event) => event.case === "queueUpdate").length;
    let seen = updatesOf();
    const queued: QueuedMessage[] = [];
    for (const name of ["second", "third", "fourth"]) {
      queued.push(
        await arrange(`the ${name} message waits`, "response", async () =>
          waiting(await send(context, chat.id, name)),
        ),
      );
      expected.push(name);
      await told(`the ${name} came`);
    }
    const late = watch(chat.id);
    const view = await waitFor(
      {
        rule: "STREAM-2",
        sentence: "a snapshot is complete",
        happens: (signal) => late.caughtUp({ signal }),
      },
      "response",
    );
    check("STREAM-2", "a snapshot has the whole queue", { expected, observed: inWords(view.queue) });
    const queuedMessageId = queued[1]?.id ?? 0n;
    await arrange("the third message leaves", "response", () =>
      context.client().unary(method.deleteQueuedMessage, { chatId: chat.id, queuedMessageId }),
    );
    expected.splice(1, 1);
    await told("the third left");
  },
});

function inWords(queue: readonly QueuedMessage[]): string[] {
  return queue.map(textOf);
}
