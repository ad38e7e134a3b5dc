import { createInbox, headers, type Msg, type NatsConnection, type NatsError } from "nats";
import type { Clock } from "../platform/index.js";

interface Pending {
  readonly dueMs: number;
  readonly settled: Settled;
}

/** What became of a message: an error where it is not known to have arrived. */
export type Settled = (error?: Error) => void;

/**
 * Publishes to JetStream, any number of messages at once: one inbox hears all acknowledgements, and one timer waits for those that are missing.
 * The client's own `publish` is a request with a subject, a timer and a parsed answer for each.
 */
export class StreamPublisher implements Disposable {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #inbox = `${createInbox()}.`;
  readonly #subscription: Disposable;
  /** By the last part of where the acknowledgement goes; the one that waits longest first. */
  readonly #pending = new Map<string, Pending>();
  #published = 0;
  #isLeft = false;
  #timer: Disposable | undefined;

  constructor(connection: NatsConnection, { clock, timeoutMs }: { clock: Clock; timeoutMs: number }) {
    this.#connection = connection;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    const subscription = connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => this.#onAnswer(error, message),
    });
    this.#subscription = { [Symbol.dispose]: () => subscription.unsubscribe() };
  }

  /**
   * Calls back once: when the stream has the message, or has had one of this id before; with an error when that is not known within the time. No
   * promise, since there is one message for every commit. Throws when the connection is closed, or was left.
   */
  publish(subject: string, payload: Uint8Array, messageId: string, settled: Settled): void {
    if (this.#isLeft) throw left();
    this.#published += 1;
    const id = this.#published.toString(36);
    const head = headers();
    head.append("Nats-Msg-Id", messageId);
    this.#connection.publish(subject, payload, { reply: `${this.#inbox}${id}`, headers: head });
    this.#pending.set(id, { dueMs: this.#clock.monotonicMs() + this.#timeoutMs, settled });
    this.#timer ??= this.#clock.timer(this.#timeoutMs, () => this.#giveUpWhatIsDue());
  }

  [Symbol.dispose](): void {
    this.#isLeft = true;
    this.#timer?.[Symbol.dispose]();
    if (!this.#connection.isClosed()) this.#subscription[Symbol.dispose]();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { settled } of pending) settled(left());
  }

  #onAnswer(error: NatsError | null, message: Msg): void {
    const id = message.subject.slice(this.#inbox.length);
    const pending = this.#pending.get(id);
    // Given up before.
    if (pending === undefined) return;
    this.#pending.delete(id);
    pending.settled(error ?? refusalOf(message));
  }

  #giveUpWhatIsDue(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (const [id, { dueMs, settled }] of this.#pending) {
      if (dueMs > nowMs) {
        this.#timer = this.#clock.timer(dueMs - nowMs, () => this.#giveUpWhatIsDue());
        return;
      }
      this.#pending.delete(id);
      settled(new Error(`JetStream did not acknowledge a message within ${this.#timeoutMs} ms`));
    }
  }
}

function left(): Error {
  return new Error("the connection to NATS was left");
}

const accepted = Buffer.from('{"stream":');

/** What JetStream has against a message; undefined for nothing. */
function refusalOf({ data, headers: head }: Msg): Error | undefined {
  // Told by a status: 503 is that nobody takes the subject.
  if (head !== undefined && head.hasError) return new Error(`no stream takes the message (${head.code})`);
  if (accepted.equals(data.subarray(0, accepted.length))) return undefined;
  const text = Buffer.from(data).toString();
  return text.includes('"error"') || !text.includes('"stream"')
    ? new Error(`JetStream refused a message: ${text.slice(0, 500)}`)
    : undefined;
}
