/**
 * The last few things that were made, for those who ask for the same one after the other. For things of which many are made and soon
 * forgotten, where entries of a weak map would cost the garbage collector more than they save.
 */
export class LastFew<T> {
  readonly #items: T[] = [];
  readonly #capacity: number;
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The latest that matches. */
  find(matches: (item: T) => boolean): T | undefined {
    const items = this.#items;
    for (let age = 1; age <= items.length; age += 1) {
      const item = items[(this.#next - age + items.length) % items.length] as T;
      if (matches(item)) return item;
    }
    return undefined;
  }

  /** Takes the place of the oldest. */
  add(item: T): void {
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.#capacity;
  }
}
