import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import type { WatchEvent } from "../../suite/run/watch.js";
import { send } from "../kit/chats.js";
import { watchedChat } from "../kit/watched-turns.js";

const rounds = 6;

export const oneCut = defineCase({
  id: "snapshot/one-cut",
  title: "the versions that a subscription states belong to the messages that it has told",
  rules: ["CHAT-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M124",
  limitMs: 120_000,
  run: async (context) => {
    const { arrange, check, client, model, waitFor, watch } = context;
    const { chat, watcher } = await watchedChat(context);
    const script = model.script(...Array.from({ length: rounds }, (_, round) => [text(`answer ${round}`)]));
    for (let round = 1; round <= rounds; round += 1) {
      const { cursor } = watcher;
      await arrange("the title changes, so that the versions are told", "response", () =>
        client().unary(ChatService.method.updateChat, {
          chat: { id: chat.id, title: `Title ${round}` },
          updateMask: { paths: ["title"] },
        }),
      );
      // It reads the chat while the chat changes.
      const back = watch(chat.id, { cursor });
      await arrange("a message", "response", () => send(context, chat.id, script.says(`message ${round}`)));
      await waitFor(
        {
          rule: "CHAT-3",
          sentence: "who comes back is told the messages and the versions",
          happens: (signal) =>
            back.settled({ signal }, (view) => view.messages.size === 2 && view.chat !== undefined),
        },
        "response",
      );
      check("CHAT-3", "no message is newer than the versions that follow it", {
        expected: [],
        observed: newerThanVersions(back.events),
      });
      await arrange("the watcher knows as much", "response", (signal) =>
        watcher.settled(
          { signal },
          (view) => view.messages.size === 2 * round && view.chat?.title === `Title ${round}`,
        ),
      );
    }
  },
});

/** A message that is told before versions was written before them, or with them. */
function newerThanVersions(events: readonly WatchEvent[]): string[] {
  let newest = 0n;
  return events.flatMap((event) => {
    const revision = event.case === "message" ? (event.value.message?.revision ?? 0n) : 0n;
    if (revision > newest) newest = revision;
    const versions = event.case === "chatUpdate" ? event.value.chat?.versions : undefined;
    return versions !== undefined && versions.historyVersion < newest
      ? [`a message of version ${newest}, then history version ${versions.historyVersion}`]
      : [];
  });
}
