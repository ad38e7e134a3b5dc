import { defineCase } from "../../suite/cases/define-case.js";
import { watchList } from "../kit/chat-list.js";
import { createChat } from "../kit/chats.js";

export const listWatchCursor = defineCase({
  id: "status/list-watch-cursor",
  title: "a cursor of a list is of one owner's, small, and refused where it cannot be read",
  rules: ["LIST-5"],
  level: "MUST",
  profile: "core",
  needs: ["second_user"],
  mutant: "M208",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    await arrange("a chat", "response", () => createChat(context));
    const list = watchList(context);
    await arrange("somebody knows the list", "response", (signal) => list.event("caughtUp", signal));
    const { cursor } = list;
    check("LIST-5", "a cursor has at most 256 bytes", {
      expected: "1 to 256",
      observed: Buffer.byteLength(cursor),
      holds: cursor !== "" && Buffer.byteLength(cursor) <= 256,
    });
    const refused = {
      "of somebody else": watchList(context, { cursor, account: "bob" }),
      unreadable: watchList(context, { cursor: "not-a-cursor" }),
    };
    for (const [what, { call }] of Object.entries(refused)) {
      const end = await waitFor(
        {
          rule: "LIST-5",
          sentence: `a cursor that is ${what} is not accepted`,
          happens: (signal) => call.ended({ signal }),
        },
        "response",
      );
      check("LIST-5", `one that is ${what} is refused`, {
        expected: "INVALID_ARGUMENT INVALID_CURSOR",
        observed: end.how === "failed" ? `${end.failure.code} ${end.failure.reason ?? ""}` : end.how,
      });
    }
  },
});
