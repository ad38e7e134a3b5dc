import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { textPart } from "../kit/chats.js";
import { all, halfAnswer, heldTurn, watchAt } from "../kit/cluster.js";
import { idleWith, showing } from "../kit/relays.js";
import { plainly } from "../kit/turns.js";

export const remoteWatcher = defineCase({
  id: "edit/remote-watcher",
  title: "an edit of a running chat resets those who watch it at other replicas",
  rules: ["INT-7", "STREAM-11", "STREAM-12"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas"],
  mutant: "M195",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, client, model, waitFor } = context;
    const { chatId, owner, others } = await heldTurn(context, halfAnswer);
    const watchers = await watchAt(context, chatId, others);
    await arrange(
      "the first half of the answer is shown",
      "relay_recovery",
      all(watchers, (watcher) => showing(watcher, "half an ")),
    );
    const marks = watchers.map(({ events }) => events.length);
    const [messageId = 0n] = watchers[0]?.view.messages.keys() ?? [];
    const next = model.script([text("another answer")]);
    const request = { chatId, messageId, parts: [textPart(next.says("instead"))] };
    await arrange("an edit at the owner", "response", () =>
      client({ replica: owner }).unary(ChatService.method.editMessage, request),
    );
    const views = await waitFor(
      {
        rule: "STREAM-12",
        sentence: "everybody has the new message and its answer",
        happens: all(watchers, (watcher) => idleWith(watcher, 2)),
      },
      "notify_poll",
    );
    check("STREAM-12", "and nothing else", {
      expected: watchers.map(() => ["user: instead", "assistant: another answer"]),
      observed: views.map(({ messages }) => plainly(messages.values())),
    });
    check("STREAM-11", "history_reset comes before the new messages", {
      expected: watchers.map(() => ["historyReset", "message", "message"]),
      observed: watchers.map(({ events }, index) =>
        events
          .slice(marks[index])
          .flatMap(({ case: kind }) => (kind === "historyReset" || kind === "message" ? [kind] : [])),
      ),
    });
    check("INT-7", "of the answer that was broken off nothing is told", {
      expected: [],
      observed: watchers.flatMap(({ events }, index) =>
        events
          .slice(marks[index])
          .flatMap((event) =>
            event.case === "message" && event.value.message?.interrupted === true
              ? [event.value.message]
              : [],
          ),
      ),
    });
  },
});
