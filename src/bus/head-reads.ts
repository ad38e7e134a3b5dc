import type { ChatNotification } from "../gen/palaver/relay/v1/notification_pb.js";
import { type Clock, type Logger, type Random, Wakeup } from "../platform/index.js";

export interface HeadReadsOptions {
  /** What these chats are at, as a notification of their last commit would say; without those that do not exist. One statement. */
  readonly readHeads: (chatIds: readonly string[]) => Promise<readonly ChatNotification[]>;
  /** Called for each chat that was read; undefined: it does not exist. Must not throw. */
  readonly tell: (chatId: string, head: ChatNotification | undefined) => void;
  /** A read that fails is repeated after a tenth of a second at first, and after at most this in the end. */
  readonly maxRetryMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** So many chats are read in one statement. */
const maxChats = 1_000;
/** How long requests gather before they are read: many subscriptions begin or come back in the same moment. */
const gatherMs = 10;
const firstRetryMs = 100;

/**
 * Looks at chats in the database, on request: many in one statement, one statement at a time. A request is never lost. It is answered by
 * a read that began after it, so one that comes while its chat is being read, or whose read fails, leads to another.
 */
export class HeadReads implements AsyncDisposable {
  readonly #options: HeadReadsOptions;
  /** The chats that are to be read, the one that waits longest first. */
  readonly #requested = new Set<string>();
  readonly #wakeup = new Wakeup();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: HeadReadsOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  request(chatIds: Iterable<string>): void {
    for (const chatId of chatIds) this.#requested.add(chatId);
    this.#wakeup.notify();
  }

  /** Nobody wants to know any more. */
  forget(chatId: string): void {
    this.#requested.delete(chatId);
  }

  /** Reads no more; resolves when the read under way has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      if (this.#requested.size === 0) {
        failures = 0;
        await this.#wakeup.wait(signal);
        continue;
      }
      const stopped = await clock.sleep(this.#pauseMs(failures), { signal }).then(
        () => false,
        () => true,
      );
      if (stopped) return;
      // Whoever wanted to know may have left meanwhile.
      if (this.#requested.size > 0) failures = (await this.#read(failures)) ? 0 : failures + 1;
    }
  }

  #pauseMs(failures: number): number {
    const { random, maxRetryMs } = this.#options;
    if (failures === 0) return gatherMs;
    // Other replicas have lost the same database.
    return (
      Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(failures - 1, 20)) * (0.5 + random.fraction() / 2)
    );
  }

  /** Reads the chats that wait longest. False when that failed. */
  async #read(failures: number): Promise<boolean> {
    const { readHeads, tell, logger } = this.#options;
    const chatIds = this.#next();
    try {
      const heads = new Map((await readHeads(chatIds)).map((head) => [head.chatId, head]));
      if (failures > 0) logger.info({ failures }, "watched chats can be looked at again");
      for (const chatId of chatIds) tell(chatId, heads.get(chatId));
      return true;
    } catch (error) {
      for (const chatId of chatIds) this.#requested.add(chatId);
      if (failures === 0) logger.warn({ err: error }, "watched chats could not be looked at");
      return false;
    }
  }

  #next(): string[] {
    const chatIds: string[] = [];
    for (const chatId of this.#requested) {
      if (chatIds.length === maxChats) break;
      this.#requested.delete(chatId);
      chatIds.push(chatId);
    }
    return chatIds;
  }
}
