import type { ClientClock } from "./runtime.js";

/** Timers of browsers and Node hold no more than 31 bits of milliseconds, and are due at once beyond. */
const longestSleepMs = 2 ** 31 - 1;

/**
 * Notices a peer that has vanished without a word: calls back once, when a wait for it has lasted `limitMs`. Only waits count: a reader
 * that takes its time with what it got hears nothing either, and nobody is to blame.
 */
export class SilenceWatch {
  readonly #clock: ClientClock;
  readonly #limitMs: number;
  readonly #onSilence: () => void;
  readonly #stop = new AbortController();
  #waitsSinceMs: number | undefined;
  #broken = false;

  constructor(options: { clock: ClientClock; limitMs: number; onSilence: () => void }) {
    this.#clock = options.clock;
    this.#limitMs = options.limitMs;
    this.#onSilence = options.onSilence;
    void this.#watch();
  }

  /** Whether a wait has lasted too long. */
  get isBroken(): boolean {
    return this.#broken;
  }

  /** From now on the peer's next word is waited for. */
  wait(): void {
    this.#waitsSinceMs = this.#clock.monotonicMs();
  }

  heard(): void {
    this.#waitsSinceMs = undefined;
  }

  stop(): void {
    this.#stop.abort();
  }

  /** One timer for the whole stream, which looks again when the present wait could be over. Never rejects. */
  async #watch(): Promise<void> {
    for (;;) {
      const since = this.#waitsSinceMs;
      const passedMs = since === undefined ? 0 : this.#clock.monotonicMs() - since;
      if (passedMs >= this.#limitMs) {
        this.#broken = true;
        return this.#onSilence();
      }
      try {
        await this.#clock.sleep(Math.min(this.#limitMs - passedMs, longestSleepMs), {
          signal: this.#stop.signal,
        });
      } catch {
        return; // Stopped.
      }
    }
  }
}
