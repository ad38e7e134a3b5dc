import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { ChatNotification } from "../gen/palaver/relay/v1/notification_pb.js";
import type { Bus } from "./bus.js";

/** The bus of a single replica: delivers in the same process, at once, in order. */
export class LocalBus implements Bus {
  readonly #chats = new Listeners<ChatNotification>();
  readonly #owners = new Listeners<undefined>();
  readonly #runnable = new Set<() => void>();

  publish(notification: ChatNotification, owner: string): void {
    this.#chats.call(notification.chatId, notification);
    this.#owners.call(owner, undefined);
    if (mayBeRunnable(notification)) for (const listener of this.#runnable) listener();
  }

  watchChat(chatId: string, listener: (notification: ChatNotification) => void): Disposable {
    return this.#chats.add(chatId, listener);
  }

  watchOwner(owner: string, listener: () => void): Disposable {
    return this.#owners.add(owner, listener);
  }

  watchRunnable(listener: () => void): Disposable {
    this.#runnable.add(listener);
    return { [Symbol.dispose]: () => void this.#runnable.delete(listener) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#chats.clear();
    this.#owners.clear();
    this.#runnable.clear();
    return Promise.resolve();
  }
}

/** Listeners by what they listen to; what nobody listens to any more takes no room. */
class Listeners<T> {
  readonly #byKey = new Map<string, Set<(value: T) => void>>();

  call(key: string, value: T): void {
    for (const listener of this.#byKey.get(key) ?? []) listener(value);
  }

  add(key: string, listener: (value: T) => void): Disposable {
    const listeners = this.#byKey.get(key) ?? new Set();
    // The same function may be added twice.
    const added = (value: T): void => listener(value);
    this.#byKey.set(key, listeners.add(added));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(added);
        if (listeners.size === 0 && this.#byKey.get(key) === listeners) this.#byKey.delete(key);
      },
    };
  }

  clear(): void {
    this.#byKey.clear();
  }
}

/** A worker is wanted where a turn is to run or to be interrupted and nobody owns it. */
function mayBeRunnable(notification: ChatNotification): boolean {
  const status = notification.status?.status;
  const unowned = (notification.status?.workerId ?? "") === "";
  return unowned && (status === ChatStatus.PENDING || status === ChatStatus.INTERRUPTING);
}
