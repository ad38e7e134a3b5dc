import type { Clock, Logger, Random } from "../platform/index.js";

/** What is to be said to other replicas after a commit. */
export interface Announcement {
  readonly chatId: string;
  /** Of two announcements of a chat the higher one says all that the other does. */
  readonly version: bigint;
  /** What is said of the chat goes there. */
  readonly subject: string;
  readonly ownerSubject: string;
  readonly runnable: boolean;
  readonly payload: Uint8Array;
}

/** Calls back later, once: with an error when the announcement is not known to have arrived. */
export type Send = (announcement: Announcement, settled: (error?: unknown) => void) => void;

export interface OutboxCounts {
  published(): void;
  publishFailed(): void;
  dropped(): void;
}

export interface OutboxOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Told what becomes of announcements. */
  readonly counts?: OutboxCounts | undefined;
  /** How many chats may have an announcement that waits. Beyond that the oldest is lost. */
  readonly maxWaiting?: number;
  readonly maxInFlight?: number;
}

interface Letter {
  readonly announcement: Announcement;
  failures: number;
}

const maxFailures = 4;
const firstRetryMs = 100;
const reportEveryMs = 10_000;

/**
 * Announcements on their way out. Adding one never blocks and never fails: what cannot be sent waits, at most one per chat, and goes out
 * when there is a connection again. What was refused a few times, or finds no room, is lost and counted in the log.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #maxWaiting: number;
  readonly #maxInFlight: number;
  /** By chat, the one that waits longest first. */
  readonly #waiting = new Map<string, Letter>();
  /** Goes through them. One that is made anew would first have to pass by all who have left since the map was last made smaller. */
  #next: MapIterator<Letter> | undefined;
  readonly #inFlight = new Set<Letter>();
  readonly #retries = new Set<Disposable>();
  readonly #emptied = new Set<() => void>();
  #send: Send | undefined;
  #lost = 0;
  #report: Disposable | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#maxWaiting = options.maxWaiting ?? 10_000;
    this.#maxInFlight = options.maxInFlight ?? 1_000;
  }

  /** How many announcements are not known to have arrived, and are not lost. */
  get waiting(): number {
    return this.#waiting.size + this.#inFlight.size + this.#retries.size;
  }

  /** Whether there is a connection. */
  get isOpen(): boolean {
    return this.#send !== undefined;
  }

  add(announcement: Announcement): void {
    this.#wait({ announcement, failures: 0 });
    this.#pump();
  }

  /** There is a connection: what waits goes out. */
  open(send: Send): void {
    this.#send = send;
    this.#pump();
  }

  /** The connection is lost: whatever was on its way waits for the next one. */
  close(): void {
    this.#send = undefined;
    for (const letter of this.#inFlight) this.#wait(letter);
    this.#inFlight.clear();
    this.#tellEmptied();
  }

  /** Resolves when nothing waits and nothing is on its way, or when there is no connection for it. */
  async empty(): Promise<void> {
    if (this.#send !== undefined && !this.#isEmpty())
      await new Promise<void>((resolve) => this.#emptied.add(resolve));
  }

  [Symbol.dispose](): void {
    this.#send = undefined;
    for (const retry of this.#retries) retry[Symbol.dispose]();
    this.#waiting.clear();
    this.#inFlight.clear();
    this.#report?.[Symbol.dispose]();
  }

  /** The newest of a chat is enough, and keeps the place of the one before. */
  #wait(letter: Letter): void {
    const { chatId, version } = letter.announcement;
    const other = this.#waiting.get(chatId);
    if (other !== undefined && other.announcement.version >= version) return;
    this.#waiting.set(chatId, letter);
    if (this.#waiting.size <= this.#maxWaiting) return;
    const [oldest] = this.#waiting.keys();
    if (oldest !== undefined) this.#waiting.delete(oldest);
    this.#lose("too many wait");
  }

  #pump(): void {
    while (this.#waiting.size > 0 && this.#send !== undefined && this.#inFlight.size < this.#maxInFlight) {
      this.#next ??= this.#waiting.values();
      const { done, value: letter } = this.#next.next();
      if (done === true) {
        this.#next = undefined;
        continue;
      }
      this.#waiting.delete(letter.announcement.chatId);
      this.#inFlight.add(letter);
      this.#attempt(letter, this.#send);
    }
  }

  #attempt(letter: Letter, send: Send): void {
    send(letter.announcement, (error) => {
      // Otherwise the connection was lost, and the letter waits already.
      if (!this.#inFlight.delete(letter)) return;
      if (error === undefined) this.#options.counts?.published();
      else this.#failed(letter, error);
      this.#pump();
      if (this.#isEmpty()) this.#tellEmptied();
    });
  }

  #failed(letter: Letter, error: unknown): void {
    const { clock, random, counts } = this.#options;
    counts?.publishFailed();
    letter.failures += 1;
    if (letter.failures >= maxFailures) return this.#lose(error);
    const ms = firstRetryMs * 4 ** (letter.failures - 1) * (0.5 + random.fraction());
    const retry = clock.timer(ms, () => {
      this.#retries.delete(retry);
      this.#wait(letter);
      this.#pump();
    });
    this.#retries.add(retry);
  }

  #lose(why: unknown): void {
    this.#lost += 1;
    this.#options.counts?.dropped();
    this.#report ??= this.#options.clock.timer(reportEveryMs, () => {
      this.#options.logger.warn(
        { lost: this.#lost, err: why },
        "other replicas were not told of some changes",
      );
      this.#report = undefined;
      this.#lost = 0;
    });
  }

  #tellEmptied(): void {
    for (const resolve of this.#emptied) resolve();
    this.#emptied.clear();
  }

  #isEmpty(): boolean {
    return this.waiting === 0;
  }
}
