import type { ChatNotification } from "../gen/palaver/relay/v1/notification_pb.js";
import type { Clock, Logger, Random } from "../platform/index.js";
import type { Bus, ChatListener } from "./bus.js";
import { HeadReads } from "./head-reads.js";

export interface PolledBusOptions {
  /** Disposed with this one. */
  readonly bus: Bus;
  /** What these chats are at, as a notification of their last commit would say; without those that do not exist. One statement. */
  readonly readHeads: (chatIds: readonly string[]) => Promise<readonly ChatNotification[]>;
  /** All watched chats are looked at at least this often. */
  readonly pollMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface Watched {
  readonly listeners: Set<ChatListener>;
  readonly source: Disposable;
}

/**
 * A bus whose listeners need not look by themselves. It looks at all watched chats in the database every `pollMs`, and at once at those of
 * which `bus` may have missed something, and says what it finds like a notification (BUS-5): of up to a thousand chats with one statement,
 * however many listeners they have. Without the database it repeats that until it succeeds.
 *
 * What was found may be older than what was announced meanwhile. A chat that does not exist any more is told without a notification, each
 * time.
 */
export class PolledBus implements Bus {
  readonly #options: PolledBusOptions;
  readonly #chats = new Map<string, Watched>();
  readonly #reads: HeadReads;
  #timer: Disposable;

  constructor(options: PolledBusOptions) {
    this.#options = options;
    this.#reads = new HeadReads({
      ...options,
      maxRetryMs: options.pollMs,
      tell: (chatId, head) => {
        const watched = this.#chats.get(chatId);
        if (watched !== undefined) this.#call(watched.listeners, chatId, head);
      },
    });
    this.#timer = this.#pollLater();
  }

  publish(...announced: Parameters<Bus["publish"]>): void {
    this.#options.bus.publish(...announced);
  }

  watchChat(chatId: string, listener: ChatListener): Disposable {
    const watched = this.#chats.get(chatId) ?? this.#open(chatId);
    // The same function may be added twice.
    const added: ChatListener = (notification) => listener(notification);
    watched.listeners.add(added);
    return {
      [Symbol.dispose]: () => {
        watched.listeners.delete(added);
        if (watched.listeners.size === 0 && this.#chats.get(chatId) === watched) this.#close(chatId, watched);
      },
    };
  }

  watchOwner(owner: string, listener: () => void): Disposable {
    return this.#options.bus.watchOwner(owner, listener);
  }

  watchRunnable(listener: () => void): Disposable {
    return this.#options.bus.watchRunnable(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer[Symbol.dispose]();
    this.#chats.clear();
    await this.#reads[Symbol.asyncDispose]();
    await this.#options.bus[Symbol.asyncDispose]();
  }

  #open(chatId: string): Watched {
    const listeners = new Set<ChatListener>();
    const source = this.#options.bus.watchChat(chatId, (notification) => {
      if (notification === undefined) this.#reads.request([chatId]);
      else this.#call(listeners, chatId, notification);
    });
    const watched = { listeners, source };
    this.#chats.set(chatId, watched);
    return watched;
  }

  #close(chatId: string, { source }: Watched): void {
    this.#chats.delete(chatId);
    this.#reads.forget(chatId);
    source[Symbol.dispose]();
  }

  /** One that throws keeps nothing from the others. */
  #call(
    listeners: ReadonlySet<ChatListener>,
    chatId: string,
    notification: ChatNotification | undefined,
  ): void {
    for (const listener of listeners) {
      try {
        listener(notification);
      } catch (error) {
        this.#options.logger.error({ err: error, chat_id: chatId }, "a listener of a chat failed");
      }
    }
  }

  /** Not all replicas at the same moment. */
  #pollLater(): Disposable {
    const { clock, random, pollMs } = this.#options;
    return clock.timer(pollMs * (0.8 + 0.2 * random.fraction()), () => {
      this.#reads.request(this.#chats.keys());
      this.#timer = this.#pollLater();
    });
  }
}
