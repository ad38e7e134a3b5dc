/**
 * A wake-up that coalesces: any number of {@link Wakeup.notify} calls between two waits make one wake-up, and a notify before the
 * wait is not lost. One waiter at a time.
 */
export class Wakeup {
  #notified = false;
  #resolve: (() => void) | undefined;

  notify(): void {
    this.#notified = true;
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.();
  }

  /** Resolves when notified since the last wait, or when the signal aborts (check it: an abort does not reject). */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#notified && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener("abort", done);
          this.#resolve = undefined;
          resolve();
        };
        this.#resolve = done;
        signal.addEventListener("abort", done, { once: true });
      });
    }
    this.#notified = false;
  }
}
