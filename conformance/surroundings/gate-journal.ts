/** What happened on a link. */
export type GateEvent =
  /** The link was put into a mode; `detail` says which. */
  | "mode"
  /** Somebody connected. */
  | "accepted"
  /** The connection reached the target. */
  | "connected"
  /** The target could not be reached, or there was none. */
  | "unreachable"
  /** For the first time since the link is held, something of this connection waits: its dial, bytes, or its end. */
  | "held"
  /** For the first time since the link is a black hole, something of this connection was swallowed. */
  | "swallowed"
  /** The connection was reset by a disturbance, or because bytes of it were swallowed before. */
  | "cut"
  /** A connection was made while the link was severed, and reset. */
  | "refused"
  /** One side has closed; `detail` says which: `near` is who connected, `far` the target. Seen also while the link is held. */
  | "closed";

export interface GateEntry {
  /** Counts the entries of this link, from 0. */
  readonly index: number;
  /** On the monotonic clock of this process. */
  readonly atMs: number;
  readonly event: GateEvent;
  /** Counts the connections of this link, from 1; undefined for the link itself. */
  readonly connection?: number | undefined;
  readonly detail?: string | undefined;
}

/** How many bytes, of both directions. */
export interface GateBytes {
  passed: number;
  /** That had to wait in a hold, whether or not they passed later. */
  held: number;
  swallowed: number;
}

/** What came to pass on a link, in order. */
export class GateJournal {
  readonly entries: GateEntry[] = [];
  readonly bytes: GateBytes = { passed: 0, held: 0, swallowed: 0 };
  readonly #listeners = new Set<(entry: GateEntry) => void>();

  /** Where the journal ends now: for looks at what comes after. */
  get mark(): number {
    return this.entries.length;
  }

  write(event: GateEvent, connection?: number, detail?: string): void {
    const entry = { index: this.entries.length, atMs: performance.now(), event, connection, detail };
    this.entries.push(entry);
    for (const listener of [...this.#listeners]) listener(entry);
  }

  /** Calls back for every entry from now on, until it is disposed. */
  listen(listener: (entry: GateEntry) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** How often that happened, since the mark. */
  count(event: GateEvent, since = 0): number {
    return this.entries.slice(since).filter((entry) => entry.event === event).length;
  }

  /**
   * The first entry of that kind since the mark, as soon as there is one.
   *
   * @throws when there is none within the deadline: the disturbance touched nothing
   */
  async seen(
    event: GateEvent,
    { since = 0, deadlineMs = 10_000 }: { since?: number; deadlineMs?: number } = {},
  ): Promise<GateEntry> {
    const found = this.entries.slice(since).find((entry) => entry.event === event);
    if (found !== undefined) return found;
    return new Promise((resolve, reject) => {
      const listener = (entry: GateEntry): void => {
        if (entry.event !== event) return;
        clearTimeout(deadline);
        this.#listeners.delete(listener);
        resolve(entry);
      };
      const deadline = setTimeout(() => {
        this.#listeners.delete(listener);
        const seen = this.entries.slice(since).map((entry) => entry.event);
        reject(
          new Error(`nothing was ${event} on the link within ${deadlineMs} ms; seen: ${seen.join(", ")}`),
        );
      }, deadlineMs);
      this.#listeners.add(listener);
    });
  }
}
