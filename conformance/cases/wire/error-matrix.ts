import { randomUUID } from "node:crypto";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { CallEnd } from "../../surroundings/clients/call.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, textPart } from "../kit/chats.js";

const { method } = ChatService;

export const errorMatrix = defineCase({
  id: "wire/error-matrix",
  title: "an error has the same code, reason and details over each wire, of calls and of streams",
  rules: ["ERR-1"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M38",
  wires: "each",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, client, waitFor } = context;
    const { id: chatId } = await arrange("a chat", "response", () => createChat(context));
    const unknown = randomUUID();
    const notFound = {
      code: "NOT_FOUND",
      reason: "CHAT_NOT_FOUND",
      domain: "palaver.dev",
      fields: [],
      types: ["google.rpc.ErrorInfo"],
    };
    const invalid = (reason: string, field: string) => ({
      code: "INVALID_ARGUMENT",
      reason,
      domain: "palaver.dev",
      fields: [field],
      types: ["google.rpc.BadRequest", "google.rpc.ErrorInfo"],
    });
    const user = client();
    for (const [what, call, expected] of [
      ["GetChat of an unknown chat", () => user.call(method.getChat, { chatId: unknown }), notFound],
      ["Subscribe to an unknown chat", () => user.call(method.subscribe, { chatId: unknown }), notFound],
      [
        "GetChat with an id that is none",
        () => user.call(method.getChat, { chatId: "none" }),
        invalid("INVALID_REQUEST", "chat_id"),
      ],
      [
        "Subscribe with an id that is none",
        () => user.call(method.subscribe, { chatId: "none" }),
        invalid("INVALID_REQUEST", "chat_id"),
      ],
      [
        "Subscribe with a cursor that is none",
        () => user.call(method.subscribe, { chatId, cursor: "none" }),
        invalid("INVALID_CURSOR", "cursor"),
      ],
      [
        "SendMessage of a blank text",
        () => user.call(method.sendMessage, { chatId, parts: [textPart(" ")] }),
        invalid("EMPTY_CONTENT", "parts"),
      ],
    ] as const) {
      const end = await waitFor(
        {
          rule: "ERR-1",
          sentence: `${what} ends`,
          happens: (signal) => context.use(call()).ended({ signal }),
        },
        "response",
      );
      check("ERR-1", `${what} says why`, { expected, observed: wordsOf(end) });
    }
  },
});

function wordsOf(end: CallEnd): unknown {
  if (end.how !== "failed") return end;
  const { code, reason, domain, violations, details } = end.failure;
  const types = details.map(({ type }) => type).sort();
  return { code, reason, domain, fields: violations.map(({ field }) => field), types };
}
