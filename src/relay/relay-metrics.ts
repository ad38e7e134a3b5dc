import type { Metrics } from "../platform/index.js";

/** What became of a dial that was wanted. */
export type DialOutcome = "accepted" | "unreachable" | "refused";

/** Counts what the relays of a replica do. */
export class RelayMetrics {
  #watched = 0;
  #connected = 0;
  #served = 0;
  readonly #dials;
  readonly #lost;

  constructor(metrics: Metrics) {
    metrics.gauge(
      "palaver_relay_watched_chats",
      "Chats that are watched on this replica.",
      () => this.#watched,
    );
    metrics.gauge(
      "palaver_relay_connected",
      "Chats whose deltas come from another replica at the moment.",
      () => this.#connected,
    );
    metrics.gauge(
      "palaver_relay_served",
      "Relays of other replicas that this one serves.",
      () => this.#served,
    );
    this.#dials = metrics.counter("palaver_relay_dials_total", "Dials to other replicas, by outcome.", [
      "outcome",
    ]);
    this.#lost = metrics.counter(
      "palaver_relay_lost_total",
      "Relays that ended while they were wanted: the peer or the link failed.",
    );
    for (const outcome of ["accepted", "unreachable", "refused"] as const) this.#dials.inc({ outcome }, 0);
  }

  /** Disposed when the last watcher of the chat has left. */
  watched(): Disposable {
    this.#watched += 1;
    return { [Symbol.dispose]: () => void (this.#watched -= 1) };
  }

  dialed(outcome: DialOutcome): void {
    this.#dials.inc({ outcome });
  }

  /** Disposed when the stream has ended. */
  connected(): Disposable {
    this.#connected += 1;
    return { [Symbol.dispose]: () => void (this.#connected -= 1) };
  }

  lost(): void {
    this.#lost.inc();
  }

  /** Disposed when the peer has left. */
  serving(): Disposable {
    this.#served += 1;
    return { [Symbol.dispose]: () => void (this.#served -= 1) };
  }
}
