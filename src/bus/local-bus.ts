import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { ChatNotification } from "../gen/palaver/relay/v1/notification_pb.js";
import type { Bus } from "./bus.js";

/** The bus of a single replica: delivers in the same process, at once, in order. */
export class LocalBus implements Bus {
  readonly #chats = new Map<string, Set<(notification: ChatNotification) => void>>();
  readonly #runnable = new Set<() => void>();

  publish(notification: ChatNotification): void {
    for (const listener of this.#chats.get(notification.chatId) ?? []) listener(notification);
    if (mayBeRunnable(notification)) for (const listener of this.#runnable) listener();
  }

  watchChat(chatId: string, listener: (notification: ChatNotification) => void): Disposable {
    const listeners = this.#chats.get(chatId) ?? new Set();
    this.#chats.set(chatId, listeners.add(listener));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#chats.get(chatId) === listeners) this.#chats.delete(chatId);
      },
    };
  }

  watchRunnable(listener: () => void): Disposable {
    this.#runnable.add(listener);
    return { [Symbol.dispose]: () => void this.#runnable.delete(listener) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#chats.clear();
    this.#runnable.clear();
    return Promise.resolve();
  }
}

/** A worker is wanted where a turn is to run or to be interrupted and nobody owns it. */
function mayBeRunnable(notification: ChatNotification): boolean {
  const status = notification.status?.status;
  const unowned = (notification.status?.workerId ?? "") === "";
  return unowned && (status === ChatStatus.PENDING || status === ChatStatus.INTERRUPTING);
}
