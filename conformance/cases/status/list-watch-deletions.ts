import { defineCase } from "../../suite/cases/define-case.js";
import { remove, watchList } from "../kit/chat-list.js";
import { createChat } from "../kit/chats.js";

export const listWatchDeletions = defineCase({
  id: "status/list-watch-deletions",
  title: "a list tells deletions, also to whoever never had the chat",
  rules: ["LIST-4"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M208",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const known = await arrange("a chat", "response", () => createChat(context));
    const list = watchList(context);
    await arrange("somebody knows the list", "response", (signal) => list.event("caughtUp", signal));
    const { cursor } = list;
    const brief = await arrange("another chat", "response", () => createChat(context));
    for (const [what, { id }] of Object.entries({ "the chat": known, "the other": brief })) {
      await arrange(`${what} is deleted`, "response", () => remove(context, id));
      await waitFor(
        {
          rule: "LIST-4",
          sentence: `${what}: that is told`,
          happens: (signal) => list.deletion(id, signal),
        },
        "response",
      );
    }
    const back = watchList(context, { cursor });
    await arrange("somebody comes back who knew the first only", "response", (signal) =>
      back.event("caughtUp", signal),
    );
    for (const [what, { id }] of Object.entries({ "the chat": known, "the other": brief }))
      check("LIST-4", `${what}: they are told its deletion, and nothing else`, {
        expected: ["chatDelete"],
        observed: back.tellings(id).map((event) => event.case),
      });
  },
});
