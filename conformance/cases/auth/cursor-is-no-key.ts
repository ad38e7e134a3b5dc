import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat } from "../kit/chats.js";
import { endOf } from "../kit/answers.js";
import { watchedChat } from "../kit/subscriptions.js";

const { method } = ChatService;

export const cursorIsNoKey = defineCase({
  id: "auth/cursor-is-no-key",
  title: "whoever holds a cursor of somebody else's chat gets nothing with it",
  rules: ["STREAM-4", "AUTH-2"],
  level: "MUST",
  profile: "core",
  needs: ["second_user"],
  mutant: "M12",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check } = context;
    const bob = { account: "bob" } as const;
    const { chatId, watcher } = await watchedChat(context);
    const own = await arrange("a chat of bob", "response", () => createChat(context, bob));
    const { cursor } = watcher;
    const stolen = await endOf(context, "AUTH-2", method.subscribe, { chatId, cursor }, bob);
    check("AUTH-2", "alice's chat stays unknown to bob, also with her cursor", {
      expected: ["NOT_FOUND", "CHAT_NOT_FOUND"],
      observed: stolen.how === "failed" ? [stolen.failure.code, stolen.failure.reason] : [stolen.how],
    });
    const moved = await endOf(context, "STREAM-4", method.subscribe, { chatId: own.id, cursor }, bob);
    check("STREAM-4", "her cursor is refused for bob's own chat", {
      expected: ["INVALID_ARGUMENT", "INVALID_CURSOR"],
      observed: moved.how === "failed" ? [moved.failure.code, moved.failure.reason] : [moved.how],
    });
    const nobody = await endOf(
      context,
      "AUTH-2",
      method.subscribe,
      { chatId, cursor },
      { account: "nobody" },
    );
    check("AUTH-2", "without a credential it opens nothing", {
      expected: "UNAUTHENTICATED",
      observed: nobody.how === "failed" ? nobody.failure.code : nobody.how,
    });
  },
});
