import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat } from "../kit/chats.js";
import { talk, watchedChat } from "../kit/watched-turns.js";

export const metadataNotHistory = defineCase({
  id: "lifecycle/metadata-not-history",
  title: "a new title changes neither the history nor its version",
  rules: ["CHAT-2", "CHAT-3", "MSG-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M120",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, client, fence, model, never, waitFor } = context;
    const script = model.script([text("one")], [text("two")]);
    const { chat, watcher } = await watchedChat(context);
    const { id } = chat;
    await talk(context, watcher, script.says("first"));
    const before = await arrange("the chat as it is", "response", () => getChat(context, id));
    const seen = watcher.events.length;

    const { chat: after } = await waitFor(
      {
        rule: "CHAT-2",
        sentence: "the title can be changed",
        happens: () =>
          client().unary(ChatService.method.updateChat, {
            chat: { id, title: "Another title" },
            updateMask: { paths: ["title"] },
          }),
      },
      "response",
    );
    const version = before.versions?.snapshotVersion ?? 0n;
    check("CHAT-2", "the chat is one version further", {
      expected: version + 1n,
      observed: after?.versions?.snapshotVersion,
    });
    check("CHAT-3", "the versions of its history, queue and retries stay", {
      expected: aspects(before),
      observed: aspects(after),
    });
    await waitFor(
      {
        rule: "CHAT-2",
        sentence: "who watches is told the new title",
        happens: (signal) =>
          watcher.until("the title", (view) => view.chat?.title === "Another title", { signal }),
      },
      "response",
    );
    await fence("another turn", "response", () => talk(context, watcher, script.says("second")));
    const told = watcher.events.slice(seen);
    never(
      "MSG-3",
      "nothing is taken back",
      told.filter((event) => event.case === "historyReset" || event.case === "previewReset"),
    );
    check("MSG-3", "of messages only those of the next turn are told", {
      expected: 2,
      observed: told.filter((event) => event.case === "message").length,
    });
  },
});

function aspects(chat: Awaited<ReturnType<typeof getChat>> | undefined): object {
  const { historyVersion, queueVersion, retryVersion, generationAttempt } = chat?.versions ?? {};
  return { historyVersion, queueVersion, retryVersion, generationAttempt };
}
