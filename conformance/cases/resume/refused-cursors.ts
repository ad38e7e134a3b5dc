import { defineCase } from "../../suite/cases/define-case.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import { createChat } from "../kit/chats.js";
import { watchedChat } from "../kit/subscriptions.js";

export const garbageCursor = defineCase({
  id: "resume/garbage-cursor",
  title: "what is no cursor is refused, and nothing is told",
  rules: ["STREAM-4"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M153",
  wires: "each",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, random } = context;
    const chat = await arrange("a chat", "response", () => createChat(context));
    for (const cursor of ["0", random.nonce(), "no cursor, but words", "€".repeat(80), "A".repeat(256)])
      await refused(context, chat.id, cursor);
  },
});

export const foreignCursor = defineCase({
  id: "resume/foreign-cursor",
  title: "a cursor of another chat is refused, and nothing is told",
  rules: ["STREAM-4"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M12",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange } = context;
    const { watcher } = await watchedChat(context);
    const other = await arrange("another chat", "response", () => createChat(context));
    await refused(context, other.id, watcher.cursor);
  },
});

const goesOn = { how: "goes on" } as const;

async function refused(context: CaseContext<"STREAM-4">, chatId: string, cursor: string): Promise<void> {
  const { check, waitFor, watch } = context;
  const watcher = watch(chatId, { cursor });
  const end = await waitFor(
    {
      rule: "STREAM-4",
      sentence: `the subscription at ${JSON.stringify(cursor)} is answered`,
      // One that goes on has failed already.
      happens: (signal) =>
        watcher.call.until("an end", () => watcher.end ?? (watcher.view.caughtUp ? goesOn : undefined), {
          signal,
        }),
    },
    "response",
  );
  check("STREAM-4", "it is refused as INVALID_CURSOR", {
    expected: { code: "INVALID_ARGUMENT", reason: "INVALID_CURSOR" },
    observed:
      end.how === "failed" ? { code: end.failure.code, reason: end.failure.reason } : { how: end.how },
  });
  check("STREAM-4", "nothing is told", { expected: 0, observed: watcher.events.length });
}
