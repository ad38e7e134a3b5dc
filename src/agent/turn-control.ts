import { setMaxListeners } from "node:events";

/**
 * Why a turn has to stop in the middle:
 * - `interrupt`: a person asked for it; what was generated is committed.
 * - `shutdown`: the replica stops; the turn is handed over, never parked (INT-8).
 * - `lost`: the chat belongs to somebody else now; nothing may be written any more.
 */
export type StopCause = "interrupt" | "shutdown" | "lost";

const weight: Readonly<Record<StopCause, number>> = { interrupt: 1, shutdown: 2, lost: 3 };

/**
 * How a worker stops a turn that it runs: in the middle, for a cause, of which a heavier one replaces a lighter; or, lighter than
 * all of them, at the next boundary between two steps.
 */
export class TurnControl {
  #controller = newController();
  readonly #drain = new AbortController();
  #cause: StopCause | undefined;
  #handledVersion = 0;
  readonly #onWaiting: () => void;
  #waiting = false;

  /** `onWaiting` is called when the turn begins to wait for its next attempt. */
  constructor(onWaiting: () => void = () => undefined) {
    this.#onWaiting = onWaiting;
  }

  /** Whether the turn only waits for its next attempt, and so needs no capacity. */
  get waiting(): boolean {
    return this.#waiting;
  }

  set waiting(waiting: boolean) {
    this.#waiting = waiting;
    if (waiting) this.#onWaiting();
  }

  /** Aborts when the turn has to stop. A new one after each interrupt that was carried out. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get cause(): StopCause | undefined {
    return this.#cause;
  }

  /** Whether no step may begin any more: the turn goes to another replica as soon as the running one has ended. */
  get draining(): boolean {
    return this.#drain.signal.aborted;
  }

  /** Aborts when there is nothing to wait for any more. */
  waitSignal(): AbortSignal {
    return AbortSignal.any([this.#controller.signal, this.#drain.signal]);
  }

  /** The chat was seen with an interrupt requested, at that snapshot version. Older than what was carried out: nothing happens. */
  interrupt(snapshotVersion: number): void {
    if (snapshotVersion > this.#handledVersion) this.#stop("interrupt");
  }

  /** The replica is about to stop. A step that runs goes on, and can be interrupted as ever; none begins after it. */
  drain(): void {
    this.#drain.abort();
  }

  /** The replica stops now: the turn is handed over in the middle of its step. */
  shutdown(): void {
    this.drain();
    this.#stop("shutdown");
  }

  lose(): void {
    this.#stop("lost");
  }

  /** The interrupt was carried out by the transition that led to this version; the turn may go on with the queue. */
  interruptDone(snapshotVersion: number): void {
    this.#handledVersion = Math.max(this.#handledVersion, snapshotVersion);
    if (this.#cause !== "interrupt") return;
    this.#cause = undefined;
    this.#controller = newController();
  }

  #stop(cause: StopCause): void {
    if (this.#cause !== undefined && weight[this.#cause] >= weight[cause]) return;
    this.#cause = cause;
    this.#controller.abort();
  }
}

function newController(): AbortController {
  const controller = new AbortController();
  // Every tool of a batch listens.
  setMaxListeners(0, controller.signal);
  return controller;
}
