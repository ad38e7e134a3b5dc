import type { ChatState } from "../chat/index.js";
import type { Clock } from "../platform/index.js";

/** More than a worker takes in the time between two messages, by far. */
const maxOffers = 100;

export interface Offer {
  readonly chatId: string;
  /** The chat as it was left. It may have changed since. */
  readonly state: ChatState;
  /** How old the offer is. */
  readonly ageMs: number;
}

/**
 * Chats that are anyone's to run, each as a client of this replica has just left it. Whoever knows that much of a chat acquires it without
 * reading it first. Only a hint, like a notification: what is not taken, or does not fit any more, is found in the database.
 */
export class Offers {
  readonly #clock: Clock;
  readonly #offers = new Map<string, { readonly state: ChatState; readonly sinceMs: number }>();

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  add(chatId: string, state: ChatState): void {
    const isKnown = this.#offers.has(chatId);
    if (!isKnown && this.#offers.size >= maxOffers) return;
    this.#offers.set(chatId, { state, sinceMs: this.#clock.monotonicMs() });
  }

  has(chatId: string): boolean {
    return this.#offers.has(chatId);
  }

  /** The first ones, which are no offers any more. */
  take(limit: number): Offer[] {
    const taken: Offer[] = [];
    for (const [chatId, { state, sinceMs }] of this.#offers) {
      if (taken.length >= limit) break;
      this.#offers.delete(chatId);
      taken.push({ chatId, state, ageMs: this.#clock.monotonicMs() - sinceMs });
    }
    return taken;
  }

  clear(): void {
    this.#offers.clear();
  }
}
