/** One source for any number of readers, each of which gets all of it. */
export class SharedSource {
  readonly #deltas: string[] = [];
  #isOver = false;
  #wake = (): void => undefined;
  #more = this.#next();

  /** Reads it. */
  async fill(source: AsyncIterable<string>): Promise<void> {
    for await (const delta of source) {
      this.#deltas.push(delta);
      this.#tell();
    }
    this.#isOver = true;
    this.#tell();
  }

  async *read(): AsyncGenerator<string, void, undefined> {
    for (let at = 0; ; ) {
      for (; at < this.#deltas.length; at++) yield this.#deltas[at] ?? "";
      if (this.#isOver) return;
      await this.#more;
    }
  }

  #tell(): void {
    const wake = this.#wake;
    this.#more = this.#next();
    wake();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
