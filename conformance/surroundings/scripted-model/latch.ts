/** Something that happens once, and that many may wait for, before and after it has. */
export class Latch<T = void> {
  #outcome: { readonly value: T } | undefined;
  readonly #waiting = new Set<(value: T) => void>();

  get isSet(): boolean {
    return this.#outcome !== undefined;
  }

  /** What it was set to; undefined before. */
  get value(): T | undefined {
    return this.#outcome?.value;
  }

  /** The first time counts. Tells whether this was it. */
  set(value: T): boolean {
    if (this.#outcome !== undefined) return false;
    this.#outcome = { value };
    for (const resolve of this.#waiting) resolve(value);
    this.#waiting.clear();
    return true;
  }

  /** @throws the signal's reason when it aborts before */
  wait({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<T> {
    if (this.#outcome !== undefined) return Promise.resolve(this.#outcome.value);
    return new Promise((resolve, reject) => {
      const settle = (value: T): void => {
        signal?.removeEventListener("abort", abandon);
        resolve(value);
      };
      const abandon = (): void => {
        this.#waiting.delete(settle);
        reject(signal?.reason as Error);
      };
      if (signal?.aborted === true) return abandon();
      this.#waiting.add(settle);
      signal?.addEventListener("abort", abandon, { once: true });
    });
  }
}
