import { ConnectError } from "@connectrpc/connect";
import type { Clock } from "../platform/index.js";
import type { Connection } from "./connection.js";
import { line } from "./piece.js";
import { reasonOf, reportOf } from "./report-error.js";

/** What is said at the first Ctrl-C. */
export const interruptNotice = line("note", "— interrupting; Ctrl-C again leaves without waiting —");

/** How long whoever leaves waits for the server to take the interruption. */
const interruptDeadlineMs = 1_000;

/** Asks to end the running turn. Never throws: gives what went wrong, for people. A turn that has ended by itself is fine. */
export async function interruptChat({ chats, url }: Connection, chatId: string): Promise<string | undefined> {
  try {
    await chats.interruptChat({ chatId });
    return undefined;
  } catch (error) {
    if (error instanceof ConnectError && reasonOf(error) === "NOT_RUNNING") return undefined;
    const { message, reason } = reportOf(error, url);
    return `${message} [${reason}]`;
  }
}

/** Waits for an interruption that is under way, so that it reaches the server, and not for long. */
export async function briefly(interrupting: Promise<void>, clock: Clock): Promise<void> {
  const done = new AbortController();
  const deadline = clock.sleep(interruptDeadlineMs, { signal: done.signal }).catch(() => undefined);
  await Promise.race([interrupting, deadline]);
  done.abort();
}
