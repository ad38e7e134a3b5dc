/** Listeners by what they listen to; what nobody listens to any more takes no room. */
export class Listeners<T> {
  readonly #byKey = new Map<string, Set<(value: T) => void>>();

  call(key: string, value: T): void {
    for (const listener of this.#byKey.get(key) ?? []) listener(value);
  }

  add(key: string, listener: (value: T) => void): Disposable {
    const listeners = this.#byKey.get(key) ?? new Set();
    // The same function may be added twice.
    const added = (value: T): void => listener(value);
    this.#byKey.set(key, listeners.add(added));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(added);
        if (listeners.size === 0 && this.#byKey.get(key) === listeners) this.#byKey.delete(key);
      },
    };
  }

  clear(): void {
    this.#byKey.clear();
  }
}
