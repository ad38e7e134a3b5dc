import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import { defineCase } from "../../suite/cases/define-case.js";
import type { WatchOptions } from "../../suite/run/stage.js";
import { createChat, send } from "../kit/chats.js";

export const hasStatus = defineCase({
  id: "snapshot/has-status",
  title:
    "a subscription begins with the status, also when there is nothing else, and at once while a turn runs",
  rules: ["STREAM-1", "STREAM-2"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M119",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, client, model } = context;
    const { id } = await arrange("a chat", "response", () => createChat(context));
    await beginsWith(context, "that of an empty chat", id, ChatStatus.WAITING);
    await beginsWith(context, "that of messages that do not exist yet", id, ChatStatus.WAITING, {
      afterMessageId: 1_000n,
    });

    await arrange("the chat is archived", "response", () =>
      client().unary(ChatService.method.updateChat, {
        chat: { id, archived: true },
        updateMask: { paths: ["archived"] },
      }),
    );
    await beginsWith(context, "that of an archived chat", id, ChatStatus.WAITING);

    const script = model.script([gate("before the first word"), text("Well …")]);
    const running = await arrange("a running chat", "response", () => createChat(context));
    await arrange("a message", "response", () => send(context, running.id, script.says("hello")));
    await arrange("the model does not speak yet", "response", (signal) =>
      script.reached("before the first word", { signal }),
    );
    await beginsWith(context, "that of a turn that has nothing to show", running.id, ChatStatus.RUNNING);
  },
});

async function beginsWith(
  { check, waitFor, watch }: CaseContext<"STREAM-1" | "STREAM-2">,
  what: string,
  chatId: string,
  expected: ChatStatus,
  options: WatchOptions = {},
): Promise<void> {
  const watcher = watch(chatId, options);
  await waitFor(
    {
      rule: "STREAM-1",
      sentence: `a subscription is accepted at once: ${what}`,
      happens: (signal) =>
        watcher.until("something", (_, events) => events.some((event) => event.case !== "keepalive"), {
          signal,
        }),
    },
    "response",
  );
  const first = watcher.events.find((event) => event.case !== "keepalive");
  check("STREAM-1", `its first event is the status: ${what}`, { expected: "status", observed: first?.case });
  await waitFor(
    {
      rule: "STREAM-2",
      sentence: `the snapshot is complete: ${what}`,
      happens: (signal) => watcher.caughtUp({ signal }),
    },
    "response",
  );
  check("STREAM-2", `the status is the chat's: ${what}`, {
    expected: ChatStatus[expected],
    observed: ChatStatus[watcher.view.status],
  });
}
