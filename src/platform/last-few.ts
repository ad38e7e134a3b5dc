/** The last few things that were made, for those who ask for the same one after the other. What a weak map would cost for each of many that are short-lived is saved. */
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
