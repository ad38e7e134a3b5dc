import { defineCase } from "../../suite/cases/define-case.js";
import { retitle, watchList } from "../kit/chat-list.js";
import { createChat } from "../kit/chats.js";

export const listWatchResumes = defineCase({
  id: "status/list-watch-resumes",
  title: "with a cursor a list tells what changed after it, each chat once, and nothing else",
  rules: ["LIST-3"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M208",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, waitFor } = context;
    const changed = await arrange("a chat that will change", "response", () => createChat(context));
    const same = await arrange("a chat that will not", "response", () => createChat(context));
    const before = watchList(context);
    await arrange("somebody knows the list", "response", (signal) => before.event("caughtUp", signal));
    const { cursor } = before;
    before.call.cancel();
    for (const title of ["Ebb", "Flow"])
      await arrange("a title", "response", () => retitle(context, changed.id, title));
    const added = await arrange("a new chat", "response", () => createChat(context));
    const after = watchList(context, { cursor });
    await waitFor(
      {
        rule: "LIST-3",
        sentence: "they come back, and are caught up",
        happens: (signal) => after.event("caughtUp", signal),
      },
      "response",
    );
    const end = after.events.findIndex((event) => event.case === "caughtUp");
    const told = after.events
      .slice(0, end)
      .flatMap((event) => (event.case === "chatUpdate" ? [event.value.chat] : []));
    const titles = (id: string) => told.filter((chat) => chat?.id === id).map((chat) => chat?.title);
    check("LIST-3", "the chat that changed twice is told once, as it is now", {
      expected: ["Flow"],
      observed: titles(changed.id),
    });
    check("LIST-3", "the new chat is told", { expected: 1, observed: titles(added.id).length });
    check("LIST-3", "the other is not", { expected: 0, observed: titles(same.id).length });
    await arrange("a title", "response", () => retitle(context, same.id, "Neap"));
    await waitFor(
      {
        rule: "LIST-3",
        sentence: "what changes then is told",
        happens: (signal) => after.chat(same.id, ({ title }) => title === "Neap", signal),
      },
      "response",
    );
  },
});
