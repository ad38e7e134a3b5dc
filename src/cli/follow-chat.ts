import { Code, ConnectError } from "@connectrpc/connect";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { Clock, Random } from "../platform/index.js";
import type { Connection } from "./connection.js";
import { isConnectionLost, isUnreachable, reasonOf } from "./report-error.js";

export type FollowItem =
  /** What arrived together, in order. */
  | { readonly type: "events"; readonly events: readonly StreamEvent[] }
  /** The connection is gone; the next attempt comes after a wait. */
  | { readonly type: "lost"; readonly delayMs: number }
  /** There is a connection again. Exact: it goes on where the last one ended; otherwise after the last message. */
  | { readonly type: "restored"; readonly exact: boolean };

const firstDelayMs = 500;
const maxDelayMs = 15_000;
/** About two minutes. */
const maxFailures = 12;

/**
 * Follows a chat for as long as the signal allows, across lost connections and restarts of the server.
 *
 * @throws ConnectError what the server refuses with, or the last failure when it cannot be reached for about two minutes
 */
export async function* followChat(
  connection: Connection,
  chatId: string,
  options: { afterMessageId: bigint; signal: AbortSignal; clock: Clock; random: Random },
): AsyncGenerator<FollowItem, void, undefined> {
  const { signal, clock, random } = options;
  let { afterMessageId } = options;
  let cursor = "";
  for (let failures = 0; ; ) {
    // Leaving the loop over the stream does not end the call: the abort does.
    const call = new AbortController();
    const stop = (): void => call.abort();
    signal.addEventListener("abort", stop, { once: true });
    if (hasAborted(signal)) return;
    let failure: unknown;
    try {
      const from = cursor === "" ? { afterMessageId } : { cursor };
      for await (const response of connection.chats.subscribe({ chatId, ...from }, { signal: call.signal })) {
        if (failures > 0) yield { type: "restored", exact: cursor !== "" };
        failures = 0;
        cursor = response.cursor;
        afterMessageId = lastMessageId(response.events, afterMessageId);
        yield { type: "events", events: response.events };
      }
    } catch (error) {
      failure = error;
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
    if (hasAborted(signal)) return;
    // A server that just ends a stream owes an explanation (STREAM-15), but the connection is as lost as any.
    failures += 1;
    if (cursor !== "" && isReason(failure, "INVALID_CURSOR")) {
      cursor = ""; // Another server than before, with another key; the messages are the same.
      continue;
    }
    if (failure !== undefined && (!isResumable(failure) || failures > maxFailures)) throw failure as Error;
    if (failures > maxFailures)
      throw new ConnectError("the server ends every subscription", Code.Unavailable);
    const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** (failures - 1)) * (0.5 + random.fraction() / 2);
    if (failures === 1) yield { type: "lost", delayMs };
    try {
      await clock.sleep(delayMs, { signal });
    } catch {
      return;
    }
  }
}

/** Asks afresh: the compiler believes that what was false once stays so. */
function hasAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function lastMessageId(events: readonly StreamEvent[], before: bigint): bigint {
  return events.reduce((last, { event }) => {
    const id = event.case === "message" ? (event.value.message?.id ?? 0n) : 0n;
    return id > last ? id : last;
  }, before);
}

/** Whether another subscription may do better: the connection failed, the server goes away, or we were too slow (STREAM-13). */
function isResumable(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  return isUnreachable(error) || isConnectionLost(error) || isReason(error, "SLOW_CONSUMER");
}

function isReason(error: unknown, reason: string): boolean {
  return error instanceof ConnectError && reasonOf(error) === reason;
}
