import { Code, ConnectError } from "@connectrpc/connect";
import { backoffMs } from "./backoff.js";
import { isFinal, reasonOf } from "./call-failure.js";
import { listen } from "./listen.js";
import { OutOfSyncError } from "./position.js";
import { type ClientClock, type ClientRandom, systemClock, systemRandom } from "./runtime.js";
import type { Connection, ResetReason, SubscriptionItem } from "./subscription-item.js";

export interface ResumeOptions {
  /** Where to go on: the cursor of an item that was read before. */
  readonly cursor?: string | undefined;
  /** Ends the subscription, without an error. */
  readonly signal?: AbortSignal | undefined;
  /** Nothing for so long counts as a cut. Default 37.5 s: two and a half of the server's keepalives. Infinity: never. */
  readonly silenceMs?: number | undefined;
  /** So many attempts in a row may fail; the next failure ends the subscription. Default: any number. */
  readonly maxFailures?: number | undefined;
  readonly clock?: ClientClock | undefined;
  readonly random?: ClientRandom | undefined;
}

/** A stream that can be resumed by cursor. */
export interface Source<Event> {
  open(
    cursor: string,
    signal: AbortSignal,
  ): AsyncIterable<{ readonly events: readonly Event[]; readonly cursor: string }>;
  /** Checks that events follow those before them; `anew`: they begin the whole present state. @throws OutOfSyncError */
  check?(events: readonly Event[], options: { readonly anew: boolean }): void;
}

const defaultSilenceMs = 37_500;
/** A server that says that it goes away has successors: what waits is only the crowd of its subscribers. */
const shutdownJitterMs = 250;

/**
 * Reads a stream for as long as the signal allows, across cuts: after each, another call goes on at the last cursor. Every event is
 * delivered once and in order, or a `reset` says that everything begins anew.
 *
 * @throws ConnectError with which the server ended the subscription for good; the item `ended` comes before it
 */
export async function* resume<Event>(
  source: Source<Event>,
  options: ResumeOptions,
): AsyncGenerator<SubscriptionItem<Event>, void, undefined> {
  const { signal, silenceMs = defaultSilenceMs, maxFailures = Infinity } = options;
  const { clock = systemClock, random = systemRandom } = options;
  let { cursor = "" } = options;
  let failures = 0;
  /** How often what came did not fit together. Never starts over: who begins anew reads all of it again, and a fault stays. */
  let misfits = 0;
  /** Set when the reader holds something, so that beginning anew has to be said. */
  let resetReason: ResetReason | undefined = cursor === "" ? undefined : "no_cursor";
  while (!isAborted(signal)) {
    yield changed({ state: "connecting" });
    let failure: unknown;
    let anew = cursor === "";
    let opened = false;
    try {
      const from = cursor;
      for await (const response of listen((call) => source.open(from, call), { signal, silenceMs, clock })) {
        source.check?.(response.events, { anew });
        failures = 0;
        cursor = response.cursor;
        if (!opened) {
          opened = true;
          yield changed({ state: "open" });
          if (isAborted(signal)) return;
        }
        yield anew && resetReason !== undefined
          ? { type: "reset", reason: resetReason, events: response.events, cursor }
          : { type: "events", events: response.events, cursor };
        anew = false;
        resetReason = "no_cursor";
      }
      failure = new ConnectError("the server ended the stream", Code.Unavailable);
    } catch (error) {
      failure = error;
    }
    if (isAborted(signal)) return;
    const error = ConnectError.from(failure);
    const reason = reasonOf(error);
    if (reason === "INVALID_CURSOR" && cursor !== "") {
      // At once: without a cursor nothing is rejected a second time.
      cursor = "";
      resetReason = "invalid_cursor";
      continue;
    }
    failures += 1;
    if (failures > maxFailures || isFinal(error)) {
      yield changed({ state: "ended", error });
      throw error;
    }
    if (failure instanceof OutOfSyncError) {
      cursor = "";
      resetReason = "out_of_sync";
      misfits += 1;
    }
    const fraction = random.fraction();
    const delayMs =
      reason === "SHUTTING_DOWN" && failures === 1
        ? shutdownJitterMs * fraction
        : backoffMs(Math.max(failures, misfits), fraction);
    yield changed({ state: "waiting", error, delayMs, failures });
    try {
      await clock.sleep(delayMs, { signal });
    } catch {
      return; // The signal.
    }
  }
}

function changed(connection: Connection) {
  return { type: "connection", connection } as const;
}

/** Asks afresh: the compiler believes that what was false once stays so. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
