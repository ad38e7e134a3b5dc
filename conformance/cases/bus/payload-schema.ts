import { text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat } from "../kit/chats.js";
import { announced, rename, watchAt } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";

export const payloadSchema = defineCase({
  id: "bus/payload-schema",
  title: "a notification holds versions and ids, and nothing of what is said in the chat",
  rules: ["BUS-2"],
  level: "MUST",
  profile: "bus",
  needs: ["model", "bus"],
  mutant: "M193",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, bus, check, model, random, replica, waitFor } = context;
    const secrets = Array.from({ length: 5 }, () => `word-${random.nonce()}`);
    const [said, title, argument, reply, system] = secrets as [string, string, string, string, string];
    const script = model.script([toolCall(system, { argument })], [text(`an answer: ${reply}`)]);
    const { id: chatId } = await arrange("a chat", "response", () =>
      createChat(context, { says: script.says(said) }),
    );
    const [watcher] = await watchAt(context, chatId, [replica(0)]);
    if (watcher === undefined) return;
    await arrange("its turn is over", "response", idleWith(watcher, 4));
    const renamed = await arrange("a new title", "response", () => rename(context, chatId, title));
    await waitFor(
      {
        rule: "BUS-2",
        sentence: "the newest version is announced in the form of ChatNotification",
        happens: (signal) =>
          bus.until(
            "the newest version",
            () =>
              announced(context, chatId).find(
                ({ notification }) => notification?.snapshotVersion === renamed?.versions?.snapshotVersion,
              ),
            { signal },
          ),
      },
      "response",
    );
    const messages = announced(context, chatId);
    check("BUS-2", "each payload says of which chat and version it is", {
      expected: [],
      observed: messages.flatMap(({ notification }) =>
        notification?.chatId === chatId && notification.snapshotVersion > 0n
          ? []
          : [notification ?? "something that cannot be decoded"],
      ),
    });
    check("BUS-2", "no payload has a word of the chat", {
      expected: [],
      observed: secrets.filter((word) =>
        messages.some(({ bytes }) => Buffer.from(bytes).toString("utf8").includes(word)),
      ),
    });
  },
});
