import type { Clock } from "../platform/index.js";

/**
 * Falls due every `ms`, counted from the last time that it was taken or restarted, and wakes its owner once when it does. Restarting is
 * cheap: the timer underneath runs on and is armed anew only when it fires.
 */
export class DueTimer implements Disposable {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #wake: () => void;
  #sinceMs: number;
  #timer: Disposable | undefined;

  constructor(clock: Clock, ms: number, wake: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#wake = wake;
    this.#sinceMs = clock.monotonicMs();
    this.#arm(ms);
  }

  /** Whether it is due; if so, it starts over. */
  takeDue(): boolean {
    if (this.#remainingMs() > 0) return false;
    this.restart();
    return true;
  }

  restart(): void {
    this.#sinceMs = this.#clock.monotonicMs();
    if (this.#timer === undefined) this.#arm(this.#ms);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #remainingMs(): number {
    return this.#sinceMs + this.#ms - this.#clock.monotonicMs();
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.timer(ms, () => {
      this.#timer = undefined;
      const remainingMs = this.#remainingMs();
      if (remainingMs > 0) this.#arm(remainingMs);
      else this.#wake();
    });
  }
}
