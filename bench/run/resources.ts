/** What was started last ends first. */
export class Resources implements AsyncDisposable {
  readonly #held: AsyncDisposable[] = [];

  use<T extends AsyncDisposable>(resource: T): T {
    this.#held.push(resource);
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let next = this.#held.pop(); next !== undefined; next = this.#held.pop())
      await next[Symbol.asyncDispose]();
  }
}
