import type { ChatNotification } from "../gen/palaver/relay/v1/notification_pb.js";
import type { Bus, ChatListener } from "./bus.js";
import { Listeners } from "./listeners.js";
import { mayBeRunnable } from "./may-be-runnable.js";

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

  watchChat(chatId: string, listener: ChatListener): Disposable {
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
