import type { CaseContext } from "../../suite/cases/case-context.js";
import { gate, httpError } from "../../surroundings/scripted-model/script.js";
import { send } from "./chats.js";
import { type RunningTurn, waiting } from "./turns.js";
import { watchedChat } from "./watched-turns.js";

/** A turn that is about to fail for good, with messages that wait behind it: the provider refuses the credential when `fail` is called. */
export async function failedTurn(
  context: Pick<CaseContext, "arrange" | "client" | "model" | "modelName" | "watch">,
  waits: readonly string[] = [],
): Promise<Pick<RunningTurn, "chat" | "watcher"> & { readonly fail: () => void }> {
  const { arrange, model } = context;
  const script = model.script([gate("failure"), httpError(401, "who are you?")]);
  const { chat, watcher } = await watchedChat(context);
  await arrange("a message", "response", () => send(context, chat.id, script.says("fail")));
  await arrange("the model was asked", "response", (signal) => script.reached("failure", { signal }));
  for (const each of waits)
    await arrange("another one waits", "response", async () => waiting(await send(context, chat.id, each)));
  await arrange("the watcher knows of them", "response", (signal) =>
    watcher.until("the queue", ({ queue }) => queue.length === waits.length, { signal }),
  );
  return { chat, watcher, fail: () => script.open("failure") };
}
