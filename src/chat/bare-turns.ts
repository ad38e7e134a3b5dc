/** Far more than one replica runs at once. */
const maxTurns = 10_000;

/**
 * Turns that this replica began in a chat of which nothing was checkpointed, and of which it has checkpointed nothing since: what they write need
 * not look for anything to drop. Of a turn that is not among them nothing is known. Of too many the oldest are forgotten.
 */
export class BareTurns {
  /** The lease under which a turn was begun, by chat. */
  readonly #epochs = new Map<string, number>();

  began(chatId: string, leaseEpoch: number): void {
    this.#epochs.delete(chatId);
    this.#epochs.set(chatId, leaseEpoch);
    const [oldest] = this.#epochs.keys();
    if (this.#epochs.size > maxTurns && oldest !== undefined) this.#epochs.delete(oldest);
  }

  has(chatId: string, leaseEpoch: number): boolean {
    return this.#epochs.get(chatId) === leaseEpoch;
  }

  /** It is over, or something of it is about to be checkpointed. */
  forget(chatId: string): void {
    this.#epochs.delete(chatId);
  }
}
