import { gate, text } from "../../surroundings/scripted-model/script.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import type { As } from "../../suite/run/stage.js";
import { createChat, send, told } from "../kit/chats.js";
import { shownText } from "../kit/subscriptions.js";

/** A turn that somebody watches over that wire: what is said is shown before the model goes on, and committed in the end. Returns the chat's id. */
export async function streamedTurn(
  context: CaseContext<"COMPAT-3" | "STREAM-8">,
  as: As = {},
): Promise<string> {
  const { arrange, check, model, waitFor, watch } = context;
  const { id: chatId } = await arrange("a chat", "response", () => createChat(context));
  const watcher = watch(chatId, as);
  await waitFor(
    {
      rule: "COMPAT-3",
      sentence: "a subscriber is told what there is",
      happens: (signal) => watcher.caughtUp({ signal }),
    },
    "response",
  );
  const script = model.script([text("One 😀 ", { codePoints: 1 }), gate("middle"), text("two")]);
  const said = script.says("count");
  await arrange("a message", "response", () => send(context, chatId, said));
  await arrange("the model waits", "response", (signal) => script.reached("middle", { signal }));
  await waitFor(
    {
      rule: "COMPAT-3",
      sentence: "deltas come while the model waits",
      happens: (signal) =>
        watcher.until("the deltas", (_, events) => shownText(events) === "One 😀 ", { signal }),
    },
    "response",
  );
  script.open("middle");
  const view = await waitFor(
    {
      rule: "COMPAT-3",
      sentence: "the turn comes to its end",
      happens: (signal) => watcher.settled({ signal }, ({ messages }) => messages.size === 2),
    },
    "response",
  );
  check("STREAM-8", "what was shown is what was committed", {
    expected: { shown: "One 😀 two", committed: [`user: ${said}`, "assistant: One 😀 two"] },
    observed: { shown: shownText(watcher.events), committed: told(view.messages.values()) },
  });
  return chatId;
}
