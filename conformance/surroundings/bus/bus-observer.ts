import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  connect,
  type ConnectionOptions,
  headers as natsHeaders,
  type NatsConnection,
  type Subscription,
} from "nats";
import {
  type ChatNotification,
  ChatNotificationSchema,
} from "../../../src/gen/palaver/relay/v1/notification_pb.js";

/** A message on the subject of a chat, as it came. */
export interface BusMessage {
  readonly atMs: number;
  readonly subject: string;
  /** As the subject has it. */
  readonly chatId: string;
  readonly bytes: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined if it cannot be decoded. */
  readonly notification: ChatNotification | undefined;
  /** Whether it was this observer that put it there. */
  readonly isInjected: boolean;
}

export interface BusOptions {
  readonly servers: string;
  /** How to log in. */
  readonly login?: ConnectionOptions | undefined;
  /** Told of every message, in order. */
  readonly onMessage?: ((message: BusMessage) => void) | undefined;
  /** The clock of all times; milliseconds. */
  readonly now?: (() => number) | undefined;
  /** How many messages are kept; the oldest go first. */
  readonly maxMessages?: number | undefined;
}

/** Takes part in the bus of a target, as another replica could: sees what is said of chats, and says what is not true. */
export interface BusObserver extends AsyncDisposable {
  /** What has come of all chats, in order. */
  readonly messages: readonly BusMessage[];
  /** What has come of one chat. */
  of(chatId: string): readonly BusMessage[];
  /**
   * What `find` returns, as soon as it is not undefined; it looks again after each message.
   *
   * @throws when the signal aborts before that
   */
  until<T>(
    what: string,
    find: (messages: readonly BusMessage[]) => T | undefined,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<T>;
  /** Says once more what was said: a duplicate right after it, and stale when newer things were said meanwhile. */
  repeat(message: BusMessage): Promise<void>;
  /** Says something of a chat that may be untrue. */
  forge(chatId: string, notification: MessageInitShape<typeof ChatNotificationSchema>): Promise<void>;
  /** Says any bytes on the subject of a chat, or on one that looks like it. */
  inject(subject: string, bytes: Uint8Array): Promise<void>;
}

const injectedBy = "conformance-injected-by";

/** The subject of a chat. */
export function subjectOf(chatId: string): string {
  return `palaver.v1.chat.${chatId}.notify`;
}

/** Resolves when nothing that is said from now on is missed. */
export async function observeBus(options: BusOptions): Promise<BusObserver> {
  const connection = await connect({ ...options.login, servers: options.servers.split(",") });
  const observer = new Observer(connection, options);
  try {
    await observer.begin();
  } catch (error) {
    await connection.close();
    throw error;
  }
  return observer;
}

class Observer implements BusObserver {
  readonly messages: BusMessage[] = [];
  readonly #connection: NatsConnection;
  readonly #now: () => number;
  readonly #onMessage: (message: BusMessage) => void;
  readonly #maxMessages: number;
  readonly #listeners = new Set<() => void>();
  #reading: Promise<void> | undefined;

  constructor(
    connection: NatsConnection,
    { now = () => performance.now(), onMessage = () => undefined, maxMessages = 100_000 }: BusOptions,
  ) {
    this.#connection = connection;
    this.#now = now;
    this.#onMessage = onMessage;
    this.#maxMessages = maxMessages;
  }

  async begin(): Promise<void> {
    const subscription = this.#connection.subscribe("palaver.v1.chat.*.notify");
    this.#reading = this.#read(subscription);
    // The server has the subscription when it answers what was sent after it.
    await this.#connection.flush();
  }

  of(chatId: string): readonly BusMessage[] {
    return this.messages.filter((message) => message.chatId === chatId);
  }

  until<T>(
    what: string,
    find: (messages: readonly BusMessage[]) => T | undefined,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        this.#listeners.delete(look);
        signal?.removeEventListener("abort", abandon);
      };
      const look = (): void => {
        const found = find(this.messages);
        if (found === undefined) return;
        finish();
        resolve(found);
      };
      const abandon = (): void => {
        finish();
        reject(new Error(`the bus brought no ${what}`, { cause: signal?.reason }));
      };
      if (signal?.aborted === true) return abandon();
      signal?.addEventListener("abort", abandon, { once: true });
      this.#listeners.add(look);
      look();
    });
  }

  repeat({ subject, bytes }: BusMessage): Promise<void> {
    return this.inject(subject, bytes);
  }

  forge(chatId: string, notification: MessageInitShape<typeof ChatNotificationSchema>): Promise<void> {
    const forged = create(ChatNotificationSchema, notification);
    return this.inject(subjectOf(chatId), toBinary(ChatNotificationSchema, forged));
  }

  async inject(subject: string, bytes: Uint8Array): Promise<void> {
    const marked = natsHeaders();
    marked.set(injectedBy, "the suite");
    this.#connection.publish(subject, bytes, { headers: marked });
    // When the server has it, it has gone to everybody who listens.
    await this.#connection.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
    await this.#reading;
  }

  async #read(subscription: Subscription): Promise<void> {
    for await (const { subject, data, headers } of subscription) {
      const named = Object.fromEntries(
        (headers?.keys() ?? []).map((name) => [name, headers?.get(name) ?? ""]),
      );
      const message: BusMessage = {
        atMs: this.#now(),
        subject,
        chatId: subject.split(".")[3] ?? "",
        bytes: data,
        headers: named,
        notification: decode(data),
        isInjected: injectedBy in named,
      };
      this.messages.push(message);
      if (this.messages.length > this.#maxMessages) this.messages.shift();
      this.#onMessage(message);
      for (const listener of [...this.#listeners]) listener();
    }
  }
}

function decode(bytes: Uint8Array): ChatNotification | undefined {
  try {
    return fromBinary(ChatNotificationSchema, bytes);
  } catch {
    return undefined;
  }
}
