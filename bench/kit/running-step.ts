import type { Palaver } from "./palaver.js";

/** Starts a turn and stays until the step has come to this delta. Resolves with the cursor after each response, and where it stands. */
export async function runStep(
  { client, createChat, say }: Palaver,
  { script, deltas }: { readonly script: string; readonly deltas: number },
): Promise<{ chatId: string; cursors: readonly { cursor: string; seq: number }[] }> {
  const chatId = await createChat();
  const leave = new AbortController();
  const cursors: { cursor: string; seq: number }[] = [];
  try {
    for await (const { events, cursor } of client.subscribe({ chatId }, { signal: leave.signal })) {
      for (const { event } of events) {
        if (event.case === "caughtUp")
          say(chatId, "go", `scripted/${script}`).catch((error: unknown) => leave.abort(error));
        if (event.case === "messagePart") cursors.push({ cursor, seq: Number(event.value.seq) });
      }
      if ((cursors.at(-1)?.seq ?? 0) >= deltas) return { chatId, cursors };
    }
  } finally {
    leave.abort();
  }
  throw new Error("the stream ended before the step had come so far");
}
