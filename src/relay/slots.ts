/** A place that somebody has. Giving it back twice does nothing. */
export interface Slot extends Disposable {
  release(): void;
}

/** So many may do something at the same time; the others wait, whoever came first goes first. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Rejects with the signal's reason when it aborts before there is a place. */
  async take(signal: AbortSignal): Promise<Slot> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    let taken = true;
    const release = (): void => {
      if (taken) this.#next();
      taken = false;
    };
    return { release, [Symbol.dispose]: release };
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(go);
        reject(signal.reason as Error);
      };
      const go = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      this.#waiting.add(go);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** The place goes from one to the next without being free in between. */
  #next(): void {
    const [go] = this.#waiting;
    if (go === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(go);
    go();
  }
}
