import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import type { ChatError } from "../../../src/gen/palaver/chat/v1/error_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat } from "../kit/chats.js";
import { failedTurn } from "../kit/failed-turn.js";

export const errorHasPayload = defineCase({
  id: "status/error-has-payload",
  title: "a failed turn tells why before its status, and the same to whoever looks later",
  rules: ["ERR-2"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M205",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor, watch } = context;
    const { chat, watcher, fail } = await failedTurn(context);
    fail();
    await waitFor(
      {
        rule: "ERR-2",
        sentence: "the chat is in error",
        happens: (signal) => watcher.until("ERROR", ({ status }) => status === ChatStatus.ERROR, { signal }),
      },
      "response",
    );
    const { events } = watcher;
    const status = events.findIndex(
      (event) => event.case === "status" && event.value.status === ChatStatus.ERROR,
    );
    const why = events.slice(0, status).findLast((event) => event.case === "error");
    check("ERR-2", "the error comes before the status, on a stream that lives", {
      expected: "an error event, and no end of the stream",
      observed: [why?.case ?? "no error event", watcher.end?.how ?? "no end"],
      holds: why !== undefined && watcher.end === undefined,
    });
    const told = why?.case === "error" ? why.value.error : undefined;
    const stored = await arrange("the chat", "response", () => getChat(context, chat.id));
    check("ERR-2", "the chat has the same", { expected: inWords(told), observed: inWords(stored.error) });
    const late = watch(chat.id);
    const snapshot = await arrange("a snapshot", "response", (signal) => late.caughtUp({ signal }));
    check("ERR-2", "so has a snapshot", { expected: inWords(told), observed: inWords(snapshot.error) });
    check("ERR-2", "it says something", {
      expected: "a message",
      observed: told?.message,
      holds: (told?.message ?? "") !== "",
    });
  },
});

function inWords(error: ChatError | undefined) {
  if (error === undefined) return "no error";
  const { message, kind, provider, retryable, statusCode, detail } = error;
  return { message, kind, provider, retryable, statusCode, detail };
}
