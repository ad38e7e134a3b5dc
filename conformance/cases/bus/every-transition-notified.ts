import { gate, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat, send } from "../kit/chats.js";
import { announced, heldTurn, rename, watchAt } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";

export const everyTransitionNotified = defineCase({
  id: "bus/every-transition-notified",
  title: "every version of a chat is announced",
  rules: ["CHAT-2"],
  level: "MUST",
  profile: "bus",
  needs: ["model", "replicas", "bus"],
  mutant: "M191",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, bus, check, waitFor } = context;
    const { chatId, script, others } = await heldTurn(
      context,
      [toolCall("nobody-has-it", {})],
      [text("half an "), gate("middle"), text("answer")],
      [text("the second")],
    );
    const [watcher] = await watchAt(context, chatId, [others[0]]);
    if (watcher === undefined) return;
    await arrange("a message that waits", "response", () => send(context, chatId, script.says("two")));
    await arrange("a new title", "response", () => rename(context, chatId, "another"));
    script.open("middle");
    await arrange("two turns are over", "response", idleWith(watcher, 6));
    const { versions } = await arrange("its versions", "response", () => getChat(context, chatId));
    const newest = versions?.snapshotVersion ?? 0n;
    await waitFor(
      {
        rule: "CHAT-2",
        sentence: "the newest version is announced",
        happens: (signal) =>
          bus.until(`version ${newest}`, () => named(announced(context, chatId)).has(newest) || undefined, {
            signal,
          }),
      },
      "response",
    );
    // Of one replica's announcements the newest comes last; those of another may still be on their way.
    const missing = (): bigint[] => {
      const seen = named(announced(context, chatId));
      return Array.from({ length: Number(newest) }, (_, index) => BigInt(index + 1)).filter(
        (version) => !seen.has(version),
      );
    };
    await waitFor(
      {
        rule: "CHAT-2",
        sentence: "every version from the first to the newest is announced",
        happens: (signal) =>
          bus.until("version that is missing", () => missing().length === 0 || undefined, { signal }),
      },
      "response",
    );
    check("CHAT-2", "nothing is announced that there is not", {
      expected: [],
      observed: [...named(announced(context, chatId))].filter((version) => version > newest),
    });
  },
});

function named(messages: readonly { readonly notification: { snapshotVersion: bigint } | undefined }[]) {
  return new Set(messages.map(({ notification }) => notification?.snapshotVersion ?? 0n));
}
