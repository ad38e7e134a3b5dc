/** Something that happens at most once, and can be awaited before and after it happened. */
export class Latch<T = void> {
  readonly promise: Promise<T>;
  #value: { readonly value: T } | undefined;
  #resolve!: (value: T) => void;

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** What it happened with; undefined while it has not. */
  get value(): T | undefined {
    return this.#value?.value;
  }

  set(value: T): void {
    this.#value ??= { value };
    this.#resolve(value);
  }
}
