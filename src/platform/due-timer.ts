import type { Clock } from "./clock.js";

/**
 * Falls due some time after it was last taken or restarted, and wakes its owner once when it does. Restarting is cheap: the timer underneath
 * runs on, and is armed anew when it fires, or when it would fire too late.
 */
export class DueTimer implements Disposable {
  readonly #clock: Clock;
  readonly #wake: () => void;
  #ms: number;
  #dueMs: number;
  #timer: { readonly firesMs: number; readonly handle: Disposable } | undefined;

  constructor(clock: Clock, ms: number, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
    this.#ms = ms;
    this.#dueMs = clock.monotonicMs() + ms;
    this.#arm(ms);
  }

  /** Whether it is due; if so, it starts over. */
  takeDue(): boolean {
    // As long as the timer runs it is not due, whatever the time is.
    if (this.#timer !== undefined || this.#dueMs > this.#clock.monotonicMs()) return false;
    this.restart();
    return true;
  }

  /** Falls due after so long from now, or after as long as before. */
  restart(ms: number = this.#ms): void {
    this.#ms = ms;
    this.#dueMs = this.#clock.monotonicMs() + ms;
    if (this.#timer !== undefined && this.#timer.firesMs <= this.#dueMs) return;
    this[Symbol.dispose]();
    this.#arm(ms);
  }

  /** As if it had been restarted at that time; nothing if it was restarted since. */
  restartedAt(atMs: number): void {
    const dueMs = atMs + this.#ms;
    if (dueMs <= this.#dueMs) return;
    this.#dueMs = dueMs;
    // A timer that still runs looks by itself what is left then.
    const leftMs = dueMs - this.#clock.monotonicMs();
    if (this.#timer === undefined && leftMs > 0) this.#arm(leftMs);
  }

  [Symbol.dispose](): void {
    this.#timer?.handle[Symbol.dispose]();
  }

  #arm(ms: number): void {
    const handle = this.#clock.timer(ms, () => {
      this.#timer = undefined;
      const remainingMs = this.#dueMs - this.#clock.monotonicMs();
      if (remainingMs > 0) this.#arm(remainingMs);
      else this.#wake();
    });
    this.#timer = { firesMs: this.#clock.monotonicMs() + ms, handle };
  }
}
