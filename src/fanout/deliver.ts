/**
 * The fast path from a chat to those who watch it live. Whoever answers the call reads the request, checks it, sends the headers and the snapshot, and
 * in the end the trailers; in between a subscriber that is live gets its responses here, as bytes that are made once for all subscribers of the chat
 * and are written to its HTTP stream at the end of a turn of the event loop: no promise, no timer and no encoding per subscriber and delta.
 *
 * Nothing else may write to the outlet meanwhile. What a full outlet does not take stays with the subscription, which merges it, or ends it
 * if it is too much (STREAM-13).
 */
import { atEndOfTurn } from "../platform/index.js";
import type { Codec } from "./envelope.js";

/** Where the bytes of one subscriber go: the body of an HTTP response whose headers were sent. */
export interface Outlet {
  readonly codec: Codec;
  /** False: what was written is kept, and more should wait until it has been drained. */
  write(envelope: Uint8Array): boolean;
  onceDrained(callback: () => void): void;
}

/** Something that is live, such as a subscription, as far as delivering goes. */
export interface Deliverable<T> {
  /** All that is ready, undefined for nothing. Throws when the stream is over. */
  take(): T | undefined;
  /**
   * Calls back whenever there may be something to take; instead of whoever was called back before. `patient`: it is nothing but more deltas,
   * which are the better for waiting until the turn of the event loop ends.
   */
  onReady(callback: (options: { readonly patient: boolean }) => void): void;
  /**
   * What comes next may be given, at the end of a turn, without being asked for: until `give` returns false, because there is no room for more, or
   * {@link Deliverable.take} is called. For who has taken all that is ready.
   */
  joinOthers?(give: (ready: T) => boolean): void;
}

/** What was taken, as a message in its envelope. */
export type EnvelopeOf<T> = (ready: T, codec: Codec) => Uint8Array;

/** Writes what becomes ready until the signal aborts; then resolves. Rejects with what the subscription ends with. */
export function deliver<T>(
  source: Deliverable<T>,
  outlet: Outlet,
  { signal, envelopeOf }: { readonly signal: AbortSignal; readonly envelopeOf: EnvelopeOf<T> },
): Promise<void> {
  return new Promise((resolve, reject) => {
    /** Something will flush, at the end of the turn or before. */
    let isDue = false;
    let isDueNow = false;
    let isFull = false;
    let isOver = false;
    const end = (): void => {
      isOver = true;
      signal.removeEventListener("abort", leave);
    };
    const leave = (): void => {
      end();
      resolve();
    };
    const fail = (error: unknown): void => {
      end();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    /** Whether there is room for more. */
    const write = (ready: T): boolean => {
      if (outlet.write(envelopeOf(ready, outlet.codec))) return true;
      isFull = true;
      outlet.onceDrained(() => {
        isFull = false;
        wake({ patient: false });
      });
      return false;
    };
    const flush = (): void => {
      isDue = false;
      isDueNow = false;
      if (isOver || isFull) return;
      try {
        for (let ready = source.take(); ready !== undefined; ready = source.take()) if (!write(ready)) return;
        source.joinOthers?.(give);
      } catch (error) {
        fail(error);
      }
    };
    const give = (ready: T): boolean => {
      if (isOver) return false;
      try {
        return write(ready);
      } catch (error) {
        fail(error);
        return false;
      }
    };
    const wake = ({ patient }: { readonly patient: boolean }): void => {
      if (isOver || isFull || isDueNow || (patient && isDue)) return;
      isDue = true;
      isDueNow = !patient;
      if (patient) atEndOfTurn(flush);
      else queueMicrotask(flush);
    };
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
    source.onReady(wake);
    wake({ patient: false });
  });
}
