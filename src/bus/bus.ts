import type { ChatNotification } from "../gen/palaver/relay/v1/notification_pb.js";

/**
 * Carries "this chat changed, look" from whoever committed to whoever watches. Best effort: a notification may be lost, doubled or
 * late, and only the database decides what is true (BUS-4). So every listener also looks by itself now and then.
 */
export interface Bus extends AsyncDisposable {
  /** Announces a commit. Never throws: a lost notification costs latency, not truth. */
  publish(notification: ChatNotification): void;
  /** Calls `listener` for each notification about that chat until disposed. Listeners must not throw and must not block. */
  watchChat(chatId: string, listener: (notification: ChatNotification) => void): Disposable;
  /** Calls `listener` whenever some chat may have become runnable: for workers. */
  watchRunnable(listener: () => void): Disposable;
}
