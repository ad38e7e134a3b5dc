import type { ChatNotification } from "../gen/palaver/relay/v1/notification_pb.js";

/**
 * Carries "this chat changed, look" from whoever committed to whoever watches. Best effort: a notification may be lost, doubled or
 * late, and only the database decides what is true (BUS-4).
 *
 * Where there are several replicas, a listener is also called when something may have been missed, one of a chat without a notification:
 * once when its subscription holds, and whenever the connection is back (BUS-5).
 */
export interface Bus extends AsyncDisposable {
  /**
   * Announces a commit to a chat of that owner. Never throws: a lost notification costs latency, not truth. The owner only chooses who
   * hears of it and is no part of the notification (BUS-2).
   */
  publish(notification: ChatNotification, owner: string): void;
  /** Calls `listener` for each notification about that chat until disposed. Listeners must not throw and must not block. */
  watchChat(chatId: string, listener: ChatListener): Disposable;
  /** Calls `listener` whenever something was announced about some chat of that owner, until disposed. Like listeners of a chat. */
  watchOwner(owner: string, listener: () => void): Disposable;
  /** Calls `listener` whenever some chat may have become runnable: for workers. */
  watchRunnable(listener: () => void): Disposable;
}

/** Hears of one chat. Undefined: something may have become of it that nobody says; look. */
export type ChatListener = (notification: ChatNotification | undefined) => void;
