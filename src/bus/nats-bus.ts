import { toBinary } from "@bufbuild/protobuf";
import { Events, type NatsConnection, type QueuedIterator, type Status } from "nats";
import { type ChatNotification, ChatNotificationSchema } from "../gen/palaver/relay/v1/notification_pb.js";
import {
  atEndOfTurn,
  type Clock,
  type Logger,
  type Metrics,
  noMetrics,
  type Random,
} from "../platform/index.js";
import type { Bus, ChatListener } from "./bus.js";
import { BusError } from "./bus-error.js";
import { BusMetrics } from "./bus-metrics.js";
import { Listeners } from "./listeners.js";
import { mayBeRunnable } from "./may-be-runnable.js";
import { type NatsServers, openNatsConnection } from "./nats-connection.js";
import { ensureNotifyStream, type NotifyStreamOptions } from "./notify-stream.js";
import { type Announcement, Outbox, type Send } from "./outbox.js";
import { readNotification } from "./read-notification.js";
import { StreamPublisher } from "./stream-publisher.js";
import { chatSubject, ownerSubject, runnableSubject } from "./subjects.js";
import { Topics } from "./topics.js";

export interface NatsBusOptions extends NatsServers {
  readonly stream: NotifyStreamOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where the traffic is counted. Default: nowhere. */
  readonly metrics?: Metrics | undefined;
}

/** After this long without its acknowledgement an announcement counts as lost on the way. */
const ackTimeoutMs = 2_000;
/** How long a disposed bus may take to send what it has left. */
const drainMs = 2_000;
/** How long a connection may take to close. */
const closeMs = 1_000;
/** The pause before the next attempt to connect for the first time, at most; it begins with a quarter of a second. */
const maxRedialMs = 5_000;
const repairEveryMs = 5_000;

/**
 * Connects to NATS: the bus of several replicas. When no server can be reached, the bus works within this replica, says so in the log,
 * and connects as soon as it can (BUS-6).
 *
 * @throws BusError NATS_REFUSED or NATS_FILE_UNREADABLE, when somebody has to act
 */
export async function connectNatsBus(options: NatsBusOptions): Promise<Bus> {
  const connection = await openNatsConnection(options).catch((error: unknown) => {
    if (!(error instanceof BusError) || error.reason !== "NATS_UNREACHABLE") throw error;
    options.logger.warn({ err: error }, "NATS cannot be reached: other replicas are not told, nor heard");
    return undefined;
  });
  return new NatsBus(options, connection);
}

/**
 * Listeners in this process hear at once, whether or not there is a connection. Other replicas hear through NATS: what a chat's
 * notification says on its own subject, acknowledged by JetStream (BUS-1, BUS-3); that there is something to see for an owner, or for
 * workers, on subjects without content.
 */
class NatsBus implements Bus {
  readonly #options: NatsBusOptions;
  readonly #chats = new Listeners<ChatNotification | undefined>();
  /** By subject. */
  readonly #owners = new Listeners<undefined>();
  readonly #runnable = new Listeners<undefined>();
  readonly #topics = new Topics();
  readonly #outbox: Outbox;
  readonly #metrics: BusMetrics;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #connection: NatsConnection | undefined;
  #publisher: StreamPublisher | undefined;
  /** Until then nothing is sent over it. */
  #arriving = Promise.resolve();
  #repairedMs = -Infinity;

  constructor(options: NatsBusOptions, connection: NatsConnection | undefined) {
    this.#options = options;
    this.#metrics = new BusMetrics(options.metrics ?? noMetrics, {
      connected: () => this.#outbox.isOpen,
      waiting: () => this.#outbox.waiting,
    });
    this.#outbox = new Outbox({ ...options, counts: this.#metrics });
    this.#running = this.#run(connection).catch((error: unknown) => {
      options.logger.error(
        { err: error },
        "the connection to NATS was given up: other replicas are not told, nor heard",
      );
    });
  }

  publish(notification: ChatNotification, owner: string): void {
    const { chatId, snapshotVersion: version } = notification;
    const runnable = mayBeRunnable(notification);
    const aboutOwner = ownerSubject(owner);
    this.#chats.call(chatId, notification);
    this.#owners.call(aboutOwner, undefined);
    if (runnable) this.#runnable.call(runnableSubject, undefined);
    const aboutChat = chatSubject(chatId);
    if (aboutChat === undefined) return;
    const payload = toBinary(ChatNotificationSchema, notification);
    this.#outbox.add({ chatId, version, subject: aboutChat, ownerSubject: aboutOwner, runnable, payload });
  }

  watchChat(chatId: string, listener: ChatListener): Disposable {
    const listening = this.#chats.add(chatId, listener);
    const subject = chatSubject(chatId);
    if (subject === undefined) return listening;
    const topic = this.#topics.watch(subject, {
      receive: (bytes) => {
        this.#metrics.received();
        const notification = readNotification(chatId, bytes);
        if (notification !== undefined) return this.#chats.call(chatId, notification);
        this.#options.logger.debug(
          { chat_id: chatId, bytes: bytes.length },
          "no notification of ours: ignored",
        );
      },
      look: () => this.#chats.call(chatId, undefined),
    });
    return both(listening, topic);
  }

  watchOwner(owner: string, listener: () => void): Disposable {
    return this.#watchPlain(ownerSubject(owner), this.#owners, listener);
  }

  watchRunnable(listener: () => void): Disposable {
    return this.#watchPlain(runnableSubject, this.#runnable, listener);
  }

  /** Sends what is left, as far as that goes within the time there is. May be called again. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#within(
      drainMs,
      this.#arriving.then(() => this.#outbox.empty()),
    );
    this.#stopping.abort();
    this.#outbox[Symbol.dispose]();
    // Waits for the socket, which need not answer.
    await this.#within(closeMs, Promise.all([this.#connection?.close(), this.#running]));
    this.#chats.clear();
    this.#owners.clear();
    this.#runnable.clear();
  }

  /** A subject whose messages say nothing but that they came. */
  #watchPlain(subject: string, listeners: Listeners<undefined>, listener: () => void): Disposable {
    const listening = listeners.add(subject, listener);
    const call = (): void => listeners.call(subject, undefined);
    const receive = (): void => {
      this.#metrics.received();
      call();
    };
    return both(listening, this.#topics.watch(subject, { receive, look: call }));
  }

  /** Owns the connection: one after the other, each until it is closed for good, which is normally by us. */
  async #run(first: NatsConnection | undefined): Promise<void> {
    let connection = first;
    while (!this.#stopping.signal.aborted) {
      connection ??= await this.#dial();
      if (connection === undefined) return;
      this.#connection = connection;
      await this.#use(connection);
      this.#outbox.close();
      this.#publisher?.[Symbol.dispose]();
      this.#publisher = undefined;
      this.#connection = undefined;
      this.#topics.detach();
      connection = undefined;
    }
  }

  /** Tries until there is a connection; undefined when the bus is disposed. */
  async #dial(): Promise<NatsConnection | undefined> {
    const { clock, random, logger } = this.#options;
    const { signal } = this.#stopping;
    for (let failures = 0; ; failures += 1) {
      const ms = Math.min(maxRedialMs, 250 * 2 ** Math.min(failures, 10)) * (0.5 + random.fraction());
      const waited = await clock.sleep(ms, { signal }).then(
        () => true,
        () => false,
      );
      if (!waited) return undefined;
      try {
        return await this.#unlessStopped(openNatsConnection(this.#options));
      } catch (error) {
        if (failures % 10 === 0) logger.warn({ err: error }, "NATS is still out of reach");
      }
    }
  }

  /** A connection that comes too late is closed again. */
  async #unlessStopped(opening: Promise<NatsConnection>): Promise<NatsConnection | undefined> {
    const { signal } = this.#stopping;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        resolve(undefined);
        opening.then((late) => late.close()).catch(() => undefined);
      };
      signal.addEventListener("abort", leave, { once: true });
      opening.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
    });
  }

  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    const done = new AbortController();
    const patience = this.#options.clock.sleep(ms, { signal: done.signal }).catch(() => undefined);
    await Promise.race([work, patience]);
    done.abort();
  }

  /** Resolves when the connection is closed for good. */
  async #use(connection: NatsConnection): Promise<void> {
    // Before anything else: it does not tell what was before it.
    const statuses = connection.status() as QueuedIterator<Status>;
    // The library leaves the iteration open when the connection is closed.
    const closed = connection.closed().finally(() => statuses.stop());
    this.#topics.attach(connection);
    await this.#arrive(connection);
    await this.#follow(connection, statuses);
    await closed;
  }

  async #follow(connection: NatsConnection, statuses: AsyncIterable<Status>): Promise<void> {
    const { logger } = this.#options;
    let lastError: unknown;
    for await (const { type, data } of statuses) {
      if (type === Events.Disconnect) {
        logger.warn(
          { server: data },
          "the connection to NATS is lost: other replicas are not told, nor heard",
        );
        this.#outbox.close();
      } else if (type === Events.Reconnect) {
        lastError = undefined;
        this.#topics.lookAtAll();
        await this.#arrive(connection);
      } else if (type === Events.Error && data !== lastError) {
        // A server that refuses does so again and again.
        lastError = data;
        logger.warn({ code: data }, "NATS refuses something");
      }
    }
  }

  #arrive(connection: NatsConnection): Promise<void> {
    this.#arriving = this.#open(connection);
    return this.#arriving;
  }

  async #open(connection: NatsConnection): Promise<void> {
    await this.#ensureStream(connection);
    if (connection.isClosed()) return;
    this.#options.logger.info({ server: connection.getServer() }, "connected to NATS");
    this.#metrics.connected();
    this.#publisher?.[Symbol.dispose]();
    const publisher = new StreamPublisher(connection, {
      clock: this.#options.clock,
      timeoutMs: ackTimeoutMs,
    });
    this.#publisher = publisher;
    this.#outbox.open(this.#gather(connection, publisher));
  }

  /** All that is announced in one turn of the event loop goes out at its end: that there is something to see is then said to each owner once. */
  #gather(connection: NatsConnection, publisher: StreamPublisher): Send {
    const gathered: Gathered[] = [];
    return (announcement, settled) => {
      const done = (error?: unknown): void => {
        if (error === undefined) settled();
        else void this.#repair(connection).then(() => settled(error));
      };
      if (gathered.push({ announcement, done }) === 1)
        atEndOfTurn(() => sendTogether(connection, publisher, gathered.splice(0)));
    };
  }

  /** The stream may be gone, with the server that had it. */
  async #repair(connection: NatsConnection): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#repairedMs < repairEveryMs || connection.isClosed()) return;
    this.#repairedMs = nowMs;
    await this.#ensureStream(connection);
  }

  /** Without its stream the bus works, only that nothing is acknowledged. */
  async #ensureStream(connection: NatsConnection): Promise<void> {
    const { logger, stream } = this.#options;
    try {
      const outcome = await ensureNotifyStream(connection, stream);
      if (outcome !== "unchanged") logger.info({ outcome }, "the stream of notifications has our limits");
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      logger.warn({ err: error }, "NATS has no stream for notifications: is JetStream enabled?");
    }
  }
}

interface Gathered {
  readonly announcement: Announcement;
  readonly done: (error?: unknown) => void;
}

/**
 * The acknowledgement of what is said of a chat proves that the server has taken what says that there is something to see, which travels before it
 * on the same connection.
 */
function sendTogether(
  connection: NatsConnection,
  publisher: StreamPublisher,
  gathered: readonly Gathered[],
): void {
  const said = new Set<string>();
  const sayOnce = (subject: string): void => {
    if (said.has(subject)) return;
    connection.publish(subject);
    said.add(subject);
  };
  for (const { announcement, done } of gathered) {
    const { chatId, version, subject, payload } = announcement;
    try {
      sayOnce(announcement.ownerSubject);
      if (announcement.runnable) sayOnce(runnableSubject);
      publisher.publish(subject, payload, `${chatId}:${version}`, done);
    } catch (error) {
      done(error);
    }
  }
}

function both(...watches: readonly Disposable[]): Disposable {
  return {
    [Symbol.dispose]: () => {
      for (const watch of watches) watch[Symbol.dispose]();
    },
  };
}
