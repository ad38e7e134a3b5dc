import { defineCase } from "../../suite/cases/define-case.js";
import { watchList } from "../kit/chat-list.js";
import { createChat } from "../kit/chats.js";

export const listWatchOwnOnly = defineCase({
  id: "status/list-watch-own-only",
  title: "whoever watches their list is told of their own chats, and of no others",
  rules: ["LIST-1", "LIST-2"],
  level: "MUST",
  profile: "core",
  needs: ["second_user"],
  mutant: "M206",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, fence, never, waitFor } = context;
    const earlier = await arrange("a chat of somebody else", "response", () =>
      createChat(context, { account: "bob" }),
    );
    const list = watchList(context);
    await waitFor(
      {
        rule: "LIST-1",
        sentence: "a watcher of a list is caught up",
        happens: (signal) => list.event("caughtUp", signal),
      },
      "response",
    );
    const later = await arrange("another one", "response", () => createChat(context, { account: "bob" }));
    const own = await arrange("a chat of their own", "response", () => createChat(context));
    await waitFor(
      {
        rule: "LIST-2",
        sentence: "it is told",
        happens: (signal) => list.chat(own.id, () => true, signal),
      },
      "response",
    );
    const last = await arrange("one more chat of their own", "response", () => createChat(context));
    await fence("that is told too", "response", (signal) => list.chat(last.id, () => true, signal));
    never("LIST-1", "what was there of somebody else is told", list.tellings(earlier.id));
    never("LIST-2", "what somebody else does is told", list.tellings(later.id));
  },
});
