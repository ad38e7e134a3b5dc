import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat } from "../kit/chats.js";
import { refusalInWords, refusalOf } from "../kit/watched-turns.js";

export const createIdempotencyKey = defineCase({
  id: "lifecycle/create-idempotency-key",
  title: "one key and one body make one chat; the key with another body is refused",
  rules: ["MSG-4"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M111",
  limitMs: 30_000,
  run: async (context) => {
    const { check, client, modelName, random, waitFor } = context;
    const nonce = random.nonce();
    const asked = { model: modelName() ?? "", title: "one", labels: { run: nonce }, idempotencyKey: nonce };
    const create = (title: string) => client().unary(ChatService.method.createChat, { ...asked, title });

    // At once and one after the other: a client repeats a call whose answer it has not seen.
    const answers = await waitFor(
      {
        rule: "MSG-4",
        sentence: "the same request is answered each time",
        happens: async () => [...(await Promise.all([create("one"), create("one")])), await create("one")],
      },
      "response",
    );
    const ids = answers.map(({ chat }) => chat?.id ?? "");
    check("MSG-4", "the same key with the same body has the same result", {
      expected: [ids[0], ids[0], ids[0]],
      observed: ids,
    });

    const refusal = await waitFor(
      {
        rule: "MSG-4",
        sentence: "the key with another body is answered",
        happens: () => refusalOf(create("two")),
      },
      "response",
    );
    check("MSG-4", "the same key with another body is refused", {
      expected: "ALREADY_EXISTS IDEMPOTENCY_KEY_REUSED",
      observed: refusalInWords(refusal),
    });

    const [chats, chat] = await waitFor(
      {
        rule: "MSG-4",
        sentence: "the chats can be listed",
        happens: async () => {
          const list = await client().unary(ChatService.method.listChats, {
            filter: `labels.run = "${nonce}"`,
          });
          return [list.chats, await getChat(context, ids[0] ?? "")] as const;
        },
      },
      "response",
    );
    check("MSG-4", "none of the requests had a second effect", {
      expected: [{ id: ids[0], title: "one" }],
      observed: chats.map(({ id, title }) => ({ id, title })),
    });
    check("MSG-4", "the chat was created once, and not changed", {
      expected: answers[0]?.chat?.versions?.snapshotVersion,
      observed: chat.versions?.snapshotVersion,
    });
  },
});
