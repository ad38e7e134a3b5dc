/**
 * Reads that several wait for at the same time, made once for all of them: of each key one is under way, and at most one waits for it to end.
 * Whoever asks is answered by a read that begins after they have asked, so that it shows all that was there by then; at worst they wait for
 * two. A read that fails fails for those who waited for it, and for nobody else.
 */
export class SharedReads<T> {
  /** What is under way, by key. */
  readonly #reads = new Map<string, { next: Waiting<T> | undefined }>();

  /** Callers with the same key mean the same: of those who wait together only the first one's `begin` is called. */
  read(key: string, begin: () => Promise<T>): Promise<T> {
    const read = this.#reads.get(key);
    if (read === undefined) return this.#begin(key, begin);
    read.next ??= waiting(begin);
    return read.next.answer;
  }

  #begin(key: string, begin: () => Promise<T>): Promise<T> {
    const read: { next: Waiting<T> | undefined } = { next: undefined };
    this.#reads.set(key, read);
    const answer = begin();
    const ended = (): void => {
      if (read.next === undefined) this.#reads.delete(key);
      else read.next.resolve(this.#begin(key, read.next.begin));
    };
    answer.then(ended, ended);
    return answer;
  }
}

interface Waiting<T> {
  readonly begin: () => Promise<T>;
  readonly answer: Promise<T>;
  readonly resolve: (answer: Promise<T>) => void;
}

function waiting<T>(begin: () => Promise<T>): Waiting<T> {
  let settle: (answer: Promise<T>) => void = () => undefined;
  const answer = new Promise<T>((resolve) => (settle = resolve));
  return { begin, answer, resolve: settle };
}
