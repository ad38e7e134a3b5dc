import { equals } from "@bufbuild/protobuf";
import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { MessageSchema } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { gate, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import type { Watch } from "../../suite/run/watch.js";
import { send, told } from "../kit/chats.js";
import { talk, watchedChat } from "../kit/watched-turns.js";

export const twoWatchersAgree = defineCase({
  id: "order/two-watchers-agree",
  title: "two who watch a chat on one replica, from different times on, end with the same",
  rules: ["STREAM-12"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M127",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, model, waitFor, watch } = context;
    const script = model.script(
      [text("Good morning.")],
      [text("One "), gate("middle"), text("two "), toolCall("look", {})],
      [text("three.")],
    );
    const { chat, watcher } = await watchedChat(context);
    await talk(context, watcher, script.says("hello"));
    await arrange("a message", "response", () => send(context, chat.id, script.says("count")));
    await arrange("the model is in the middle", "response", (signal) => script.reached("middle", { signal }));
    const other = watch(chat.id);
    await waitFor(
      { rule: "STREAM-12", sentence: "another joins", happens: (signal) => other.caughtUp({ signal }) },
      "response",
    );
    script.open("middle");
    const end = (who: Watch, sentence: string) =>
      waitFor(
        {
          rule: "STREAM-12",
          sentence,
          happens: (signal) =>
            who.until(
              "the end",
              (view) => view.status === ChatStatus.WAITING && view.step === undefined && view,
              {
                signal,
              },
            ),
        },
        "response",
      );
    const [one, two] = [
      await end(watcher, "the first is told the end"),
      await end(other, "and so is the other"),
    ];
    check("STREAM-12", "both have the same history", {
      expected: told(one.messages.values()),
      observed: told(two.messages.values()),
    });
    check("STREAM-12", "and every message of it is the same", {
      expected: [],
      observed: [...one.messages]
        .filter(([id, message]) => {
          const same = two.messages.get(id);
          return same === undefined || !equals(MessageSchema, message, same);
        })
        .map(([id]) => id),
    });
    check("STREAM-12", "both have the same queue", { expected: one.queue, observed: two.queue });
  },
});
