import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { refusalInWords, refusalOf } from "../kit/watched-turns.js";

export const pageTokenTampered = defineCase({
  id: "lifecycle/page-token-tampered",
  title: "a page token that was changed, or is another list's, is refused",
  rules: ["PAGE-1"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M114",
  limitMs: 60_000,
  run: async ({ arrange, check, client, modelName, random, waitFor }) => {
    const run = random.nonce();
    const filter = `labels.run = "${run}"`;
    const list = (pageToken: string, of = filter) =>
      client().unary(ChatService.method.listChats, { pageSize: 2, pageToken, filter: of });
    for (const title of ["one", "two", "three"])
      await arrange("a chat", "response", () =>
        client().unary(ChatService.method.createChat, { title, model: modelName() ?? "", labels: { run } }),
      );
    const { nextPageToken: token } = await arrange("a first page", "response", () => list(""));
    // Otherwise nothing says that it is changes which are refused.
    const third = await arrange("a second page with a chat", "response", async () => {
      const [chat] = (await list(token)).chats;
      if (chat === undefined) throw new Error("the second page is empty");
      return chat;
    });

    // Not at the end: what the last digits of an encoding leave unused may be anything.
    const at = random.integer(0, Math.max(0, Math.floor(token.length / 2)));
    const changed = token[at] === "A" ? "B" : "A";
    const attempts: readonly (readonly [string, () => Promise<unknown>])[] = [
      ["with one character changed", () => list(token.slice(0, at) + changed + token.slice(at + 1))],
      ["with its first character taken away", () => list(token.slice(1))],
      ["cut in half", () => list(token.slice(0, Math.ceil(token.length / 2)))],
      ["that was made up", () => list("7")],
      ["of a list with another filter", () => list(token, `${filter} AND pinned = false`)],
      [
        "of another kind of list",
        () => client().unary(ChatService.method.listMessages, { chatId: third.id, pageToken: token }),
      ],
    ];
    for (const [what, attempt] of attempts) {
      const refusal = await waitFor(
        { rule: "PAGE-1", sentence: `a token ${what} is answered`, happens: () => refusalOf(attempt()) },
        "response",
      );
      check("PAGE-1", `a token ${what} is refused`, {
        expected: "INVALID_ARGUMENT INVALID_PAGE_TOKEN",
        observed: refusalInWords(refusal),
      });
    }
  },
});
