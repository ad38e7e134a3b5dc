import { defineCase } from "../../suite/cases/define-case.js";
import { retitle, update, watchList } from "../kit/chat-list.js";
import { createChat } from "../kit/chats.js";

export const listWatchWholeList = defineCase({
  id: "status/list-watch-whole-list",
  title:
    "a watcher of a list is told each chat once, archived ones too, then that it is caught up, then what changes",
  rules: ["LIST-1", "LIST-6"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M207",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const chats = [
      await arrange("a chat", "response", () => createChat(context)),
      await arrange("a chat to be archived", "response", () => createChat(context)),
    ] as const;
    const [plain, archived] = chats;
    await arrange("it is archived", "response", () => update(context, archived.id, { archived: true }));
    const whole = watchList(context);
    const updates = watchList(context, { updatesOnly: true });
    for (const [what, list] of Object.entries({ "the list": whole, "updates only": updates }))
      await waitFor(
        {
          rule: "LIST-1",
          sentence: `${what}: the watcher is caught up`,
          happens: (signal) => list.event("caughtUp", signal),
        },
        "response",
      );
    const told = (list: typeof whole, ids: readonly string[]): number[] => {
      const until = list.events.findIndex((event) => event.case === "caughtUp");
      const before = list.events.slice(0, until);
      return ids.map(
        (id) => before.filter((event) => event.case === "chatUpdate" && event.value.chat?.id === id).length,
      );
    };
    const ids = chats.map(({ id }) => id);
    check("LIST-1", "each chat is told once before that", { expected: [1, 1], observed: told(whole, ids) });
    check("LIST-1", "with updates only none is", { expected: [0, 0], observed: told(updates, ids) });
    await arrange("a title", "response", () => retitle(context, plain.id, "Something new"));
    for (const [what, list] of Object.entries({ "the list": whole, "updates only": updates })) {
      await waitFor(
        {
          rule: "LIST-1",
          sentence: `${what}: what changes then is told`,
          happens: (signal) => list.chat(plain.id, ({ title }) => title === "Something new", signal),
        },
        "response",
      );
      check("LIST-6", `${what}: caught_up came once`, {
        expected: 1,
        observed: list.events.filter((event) => event.case === "caughtUp").length,
      });
    }
  },
});
