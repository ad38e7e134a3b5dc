import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { httpError, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { retitle } from "../kit/chat-list.js";
import { talk, watchedChat } from "../kit/watched-turns.js";

const idle: readonly ChatStatus[] = [ChatStatus.WAITING, ChatStatus.ERROR, ChatStatus.REQUIRES_ACTION];

export const oneTerminalPerTurn = defineCase({
  id: "status/one-terminal-per-turn",
  title: "each turn ends in one idle status, however many steps it has",
  rules: ["STREAM-10"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M204",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, fence, model } = context;
    const { chat, watcher } = await watchedChat(context);
    const known = watcher.events.length;
    const turns = [
      { script: model.script([text("One.")]), added: 2 },
      { script: model.script([toolCall("look", { at: "here" })], [text("Two.")]), added: 4 },
      { script: model.script([httpError(401, "who are you?")]), added: 1 },
      { script: model.script([text("Four.")]), added: 2 },
    ];
    for (const { script, added } of turns) {
      const before = watcher.events.length;
      await talk(context, watcher, script.says("go"), { added });
      await arrange("the turn's end is told", "response", (signal) =>
        watcher.until(
          "an idle status",
          (_, events) =>
            events
              .slice(before)
              .some((event) => event.case === "status" && idle.includes(event.value.status)),
          { signal },
        ),
      );
    }
    await arrange("a title", "response", () => retitle(context, chat.id, "After all"));
    await fence("the watcher is told of it", "response", (signal) =>
      watcher.until("the title", (view) => view.chat?.title === "After all", { signal }),
    );
    const ends = watcher.events
      .slice(known)
      .flatMap((event) =>
        event.case === "status" && idle.includes(event.value.status) ? [event.value.status] : [],
      );
    check("STREAM-10", "there is one end for each turn", {
      expected: ["WAITING", "WAITING", "ERROR", "WAITING"],
      observed: ends.map((status) => ChatStatus[status]),
    });
  },
});
