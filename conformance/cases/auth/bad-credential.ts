import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat } from "../kit/chats.js";
import { endOf } from "../kit/answers.js";

const { method } = ChatService;

export const badCredential = defineCase({
  id: "auth/bad-credential",
  title: "a credential that is malformed, made up or altered is UNAUTHENTICATED, for calls and for streams",
  rules: ["AUTH-1"],
  level: "MUST",
  profile: "core",
  needs: ["second_user"],
  mutant: "M163",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, precondition, random, target } = context;
    const { id: chatId } = await arrange("a chat of alice", "response", () => createChat(context));
    const token = target.tokenOf("alice") ?? "";
    precondition("alice has a token", token.length >= 16);
    const altered = token.slice(0, -12) + [...token.slice(-12)].map(otherLetter).join("");
    for (const [what, authorization] of [
      ["no token", "Bearer"],
      ["a scheme that is none", `Token ${token}`],
      ["user and password", `Basic ${Buffer.from(`alice:${token}`).toString("base64")}`],
      ["a token that nobody has", `Bearer ${random.nonce()}`],
      ["alice's token, cut", `Bearer ${token.slice(0, -12)}`],
      ["alice's token, altered at its end", `Bearer ${altered}`],
      ["two tokens", `Bearer ${token} ${token}`],
    ] as const)
      for (const called of [method.getChat, method.subscribe]) {
        const as = { account: "nobody", headers: { authorization } } as const;
        const end = await endOf(context, "AUTH-1", called, { chatId }, as);
        check("AUTH-1", `${called.name} with ${what} is refused`, {
          expected: "UNAUTHENTICATED",
          observed: end.how === "failed" ? end.failure.code : end.how,
        });
      }
    const good = { account: "nobody", headers: { authorization: `Bearer ${token}` } } as const;
    const end = await endOf(context, "AUTH-1", method.getChat, { chatId }, good);
    check("AUTH-1", "GetChat with alice's token is not", { expected: "completed", observed: end.how });
  },
});

/** Another letter or digit, of the same kind. */
function otherLetter(letter: string): string {
  return letter === "a"
    ? "b"
    : letter === "A"
      ? "B"
      : letter === "0"
        ? "1"
        : letter < "A"
          ? "0"
          : letter < "a"
            ? "A"
            : "a";
}
