import { type ChatItem, type Connection as ConnectionState, subscribe } from "../client/index.js";
import type { Connection } from "./connection.js";
import { line } from "./piece.js";
import type { Surroundings } from "./terminal.js";

/** About two minutes. */
const maxFailures = 12;

/**
 * Follows a chat for as long as the signal allows, across lost connections and restarts of the server.
 *
 * @throws ConnectError what the server refuses with, or the last failure when it cannot be reached for about two minutes
 */
export function follow(
  { clock, random }: Pick<Surroundings, "clock" | "random">,
  connection: Connection,
  options: { readonly chatId: string; readonly afterMessageId: bigint; readonly signal: AbortSignal },
): AsyncGenerator<ChatItem, void, undefined> {
  return subscribe(connection, { ...options, maxFailures, clock, random });
}

/** What is said when a connection is lost. */
export const lostNotice = line("warning", "— connection lost, trying to reconnect —");

/** Whether it is lost just now: said once, however long it takes to make another. */
export function isLost(connection: ConnectionState): boolean {
  return connection.state === "waiting" && connection.failures === 1;
}
