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
 * Chats that are anyone's to run, each as a client of this replica has just left it, and its worker is about to acquire it: no other worker is told.
 * Whoever knows that much of a chat acquires it without reading it first. Only a hint, like a notification: what does not fit any more is found
 * in the database.
 */
export class Offers {
  readonly #clock: Clock;
  readonly #offers = new Map<string, { readonly state: ChatState; readonly sinceMs: number }>();
  #takes: () => boolean = () => false;

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#offers.size;
  }

  /** Whom to ask whether it takes one more. Until there is somebody to ask, nobody does. */
  offerTo(takes: () => boolean): void {
    this.#takes = takes;
  }

  /** What is not taken is no offer, nor what it was before. */
  add(chatId: string, state: ChatState): void {
    const isKnown = this.#offers.has(chatId);
    if ((isKnown || this.#offers.size < maxOffers) && this.#takes())
      this.#offers.set(chatId, { state, sinceMs: this.#clock.monotonicMs() });
    else this.#offers.delete(chatId);
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
