import type { NatsConnection, Subscription } from "nats";

/** What to do about a subject that somebody watches. */
export interface TopicHandlers {
  /** A message came in. Must not throw. */
  readonly receive: (bytes: Uint8Array) => void;
  /** From now on nothing is missed; what came before may have been. Must not throw. */
  readonly look: () => void;
}

interface Topic {
  readonly subject: string;
  readonly handlers: TopicHandlers;
  watchers: number;
  subscription: Subscription | undefined;
}

/**
 * The subjects that somebody here watches, each with one subscription however many do: the first watcher subscribes, the last one
 * unsubscribes.
 *
 * A subscription holds only once the server has it. Whoever watches reads the database meanwhile, and what another replica commits and
 * announces between that read and then would be missed. So each topic is told to look once the server has confirmed it: after it was
 * subscribed to, and again after each time the connection was lost.
 */
export class Topics {
  readonly #bySubject = new Map<string, Topic>();
  readonly #unconfirmed = new Set<Topic>();
  #connection: NatsConnection | undefined;
  #confirming = false;

  /** The handlers of the first watcher of a subject serve all of them. */
  watch(subject: string, handlers: TopicHandlers): Disposable {
    const topic = this.#bySubject.get(subject) ?? this.#open(subject, handlers);
    topic.watchers += 1;
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        topic.watchers -= 1;
        if (topic.watchers === 0) this.#close(topic);
      },
    };
  }

  /** From now on over this connection. Nothing is to come over the one before any more. */
  attach(connection: NatsConnection): void {
    this.#connection = connection;
    for (const topic of this.#bySubject.values()) this.#subscribe(topic);
    this.lookAtAll();
  }

  /** The connection was away and is back, with its subscriptions: tells every topic to look. */
  lookAtAll(): void {
    for (const topic of this.#bySubject.values()) this.#unconfirmed.add(topic);
    void this.#confirm();
  }

  detach(): void {
    this.#connection = undefined;
    for (const topic of this.#bySubject.values()) topic.subscription = undefined;
  }

  #open(subject: string, handlers: TopicHandlers): Topic {
    const topic: Topic = { subject, handlers, watchers: 0, subscription: undefined };
    this.#bySubject.set(subject, topic);
    this.#subscribe(topic);
    this.#unconfirmed.add(topic);
    void this.#confirm();
    return topic;
  }

  #close(topic: Topic): void {
    this.#bySubject.delete(topic.subject);
    this.#unconfirmed.delete(topic);
    topic.subscription?.unsubscribe();
  }

  #subscribe(topic: Topic): void {
    if (this.#connection === undefined || this.#connection.isClosed()) return;
    topic.subscription = this.#connection.subscribe(topic.subject, {
      callback: (error, message) => {
        if (error === null) topic.handlers.receive(message.data);
      },
    });
  }

  /** One round trip to the server confirms all that were subscribed to before it. */
  async #confirm(): Promise<void> {
    if (this.#confirming) return;
    this.#confirming = true;
    try {
      while (this.#connection !== undefined && this.#unconfirmed.size > 0) {
        const topics = [...this.#unconfirmed];
        this.#unconfirmed.clear();
        await this.#connection.flush();
        for (const topic of topics) if (topic.watchers > 0) topic.handlers.look();
      }
    } catch {
      // The connection is lost: when it is back, all are told to look.
    } finally {
      this.#confirming = false;
    }
  }
}
