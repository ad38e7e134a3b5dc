import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { subjectOf } from "../../surroundings/bus/bus-observer.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, textPart } from "../kit/chats.js";
import { rename } from "../kit/cluster.js";
import { refusalOf } from "../kit/watched-turns.js";

const { method } = ChatService;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const subjectScheme = defineCase({
  id: "bus/subject-scheme",
  title: "a chat is announced on the subject that has its id, and nothing else becomes part of a subject",
  rules: ["BUS-1"],
  level: "MUST",
  profile: "bus",
  needs: ["bus"],
  mutant: "M192",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, bus, check, client, never, waitFor } = context;
    const { id: chatId } = await arrange("a chat", "response", () => createChat(context));
    const since = bus.messages.length;
    await arrange("a new title", "response", () => rename(context, chatId, "one"));
    const announcement = (title: string, count: number) => (signal: AbortSignal) =>
      bus.until(`announcement of the title ${title}`, (all) => all.slice(since).filter(isOf(chatId))[count], {
        signal,
      });
    await waitFor(
      {
        rule: "BUS-1",
        sentence: "a change is announced on the chat's subject",
        happens: announcement("one", 0),
      },
      "response",
    );
    const odd = [
      "*",
      ">",
      `${chatId}.notify`,
      `*.${chatId}`,
      chatId.replace("-", "."),
      `${chatId.slice(0, -1)}*`,
    ];
    for (const id of odd)
      check("BUS-1", `${id} is refused before anything is made of it`, {
        expected: ["INVALID_ARGUMENT", "INVALID_ARGUMENT", "INVALID_ARGUMENT"],
        observed: await arrange(`calls with the id ${id}`, "response", async (signal) => {
          const stream = context.use(client().call(method.subscribe, { chatId: id }));
          const end = await stream.ended({ signal });
          const refusals = [
            await refusalOf(client().unary(method.getChat, { chatId: id })),
            await refusalOf(client().unary(method.sendMessage, { chatId: id, parts: [textPart("hello")] })),
            end.how === "failed" ? end.failure : undefined,
          ];
          return refusals.map((refusal) => refusal?.code);
        }),
      });
    await arrange("another title", "response", () => rename(context, chatId, "two"));
    await context.fence("what came after them is announced", "response", announcement("two", 1));
    never(
      "BUS-1",
      "there is no subject but that of a chat, with its id",
      bus.messages
        .slice(since)
        .map(({ subject }) => subject)
        .filter((subject) => !uuid.test(subject.split(".")[3] ?? "") || subject.split(".").length !== 5),
    );
  },
});

function isOf(chatId: string) {
  return ({ subject }: { readonly subject: string }): boolean => subject === subjectOf(chatId);
}
