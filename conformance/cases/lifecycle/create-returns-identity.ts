import { equals } from "@bufbuild/protobuf";
import { ChatSchema, ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat, textPart, told } from "../kit/chats.js";

export const createReturnsIdentity = defineCase({
  id: "lifecycle/create-returns-identity",
  title: "a new chat has an id, its first status and its versions, and is the same when it is read",
  rules: ["CHAT-1", "CHAT-3", "CHAT-4", "COMPAT-3"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M110",
  limitMs: 30_000,
  run: async (context) => {
    const { check, client, modelName, random, waitFor } = context;
    const model = modelName() ?? "";
    const create = (sentence: string, says: readonly string[]) =>
      waitFor(
        {
          rule: "CHAT-1",
          sentence,
          happens: () =>
            client().unary(ChatService.method.createChat, { ...asked, parts: says.map(textPart) }),
        },
        "response",
      );
    const asked = {
      model,
      title: `About ${random.nonce()}`,
      labels: { team: "a", "with space": "Grüße" },
      systemPrompt: "Be brief.",
    };

    const { chat, messages } = await create("a chat is created without a user message", []);
    const id = chat?.id ?? "";
    check("COMPAT-3", "a chat has an id, a UUID", {
      expected: "a UUID",
      observed: id,
      holds: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id),
    });
    check("COMPAT-3", "it is called and labelled as was asked for", {
      expected: { title: asked.title, labels: asked.labels },
      observed: { title: chat?.title, labels: { ...chat?.labels } },
    });
    check("CHAT-1", "without a user message it is idle", {
      expected: ChatStatus.WAITING,
      observed: chat?.status,
    });
    check("COMPAT-3", "its first messages are told", {
      expected: ["system: Be brief."],
      observed: told(messages),
    });
    const {
      snapshotVersion = 0n,
      historyVersion = 0n,
      queueVersion = 0n,
      retryVersion = 0n,
    } = chat?.versions ?? {};
    check("CHAT-3", "it has a version, and none of its aspects a newer one", {
      expected: "a positive version, and none above it",
      observed: { snapshotVersion, historyVersion, queueVersion, retryVersion },
      holds:
        snapshotVersion > 0n &&
        [historyVersion, queueVersion, retryVersion].every((each) => each <= snapshotVersion),
    });
    check("CHAT-4", "nothing was attempted", { expected: 0, observed: chat?.versions?.generationAttempt });

    const read = await waitFor(
      { rule: "CHAT-1", sentence: "the chat can be read", happens: () => getChat(context, id) },
      "response",
    );
    check("CHAT-1", "what is read is what was created", {
      expected: chat,
      observed: read,
      holds: chat !== undefined && equals(ChatSchema, chat, read),
    });

    const spoken = await create("a chat is created with a user message", ["hello"]);
    check("CHAT-1", "with a user message it is to run", {
      expected: [ChatStatus.PENDING, ChatStatus.RUNNING],
      observed: spoken.chat?.status,
      // Somebody may have it already.
      holds: [ChatStatus.PENDING, ChatStatus.RUNNING].includes(spoken.chat?.status ?? ChatStatus.UNSPECIFIED),
    });
    check("CHAT-1", "system messages come before the user's", {
      expected: ["system: Be brief.", "user: hello"],
      observed: told(spoken.messages),
    });
  },
});
