import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { retitle } from "../kit/chat-list.js";
import { send } from "../kit/chats.js";
import { runningTurn, settledWith, waiting } from "../kit/turns.js";

export const oncePerChange = defineCase({
  id: "status/once-per-change",
  title: "a change that is none of the status does not tell it again",
  rules: ["STREAM-10"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M204",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, fence, model, never } = context;
    const { chat, script, watcher } = await runningTurn(context);
    const next = model.script([text("Five.")]);
    await arrange("a message waits", "response", async () =>
      waiting(await send(context, chat.id, next.says("more"))),
    );
    await arrange("the watcher is told of the queue", "response", (signal) =>
      watcher.until("the queue", ({ queue }) => queue.length === 1, { signal }),
    );
    await arrange("a title", "response", () => retitle(context, chat.id, "While it runs"));
    await arrange("the watcher is told of it", "response", (signal) =>
      watcher.until("the title", (view) => view.chat?.title === "While it runs", { signal }),
    );
    script.open("middle");
    await arrange("both turns end", "response", settledWith(watcher, 4));
    await arrange("another title", "response", () => retitle(context, chat.id, "While it waits"));
    await fence("the watcher is told of it", "response", (signal) =>
      watcher.until("the title", (view) => view.chat?.title === "While it waits", { signal }),
    );
    const statuses = watcher.events.flatMap((event) => (event.case === "status" ? [event.value.status] : []));
    never(
      "STREAM-10",
      "a status follows itself",
      statuses
        .filter((status, index) => index > 0 && status === statuses[index - 1])
        .map((status) => ChatStatus[status]),
    );
  },
});
