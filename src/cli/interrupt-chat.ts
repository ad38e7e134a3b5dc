import { ConnectError } from "@connectrpc/connect";
import type { Connection } from "./connection.js";
import { reasonOf, reportOf } from "./report-error.js";

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
