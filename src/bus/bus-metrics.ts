import type { Metrics } from "../platform/index.js";

/** Counts what a bus exchanges with other replicas. */
export class BusMetrics {
  readonly #connections;
  readonly #published;
  readonly #failures;
  readonly #dropped;
  readonly #received;

  constructor(metrics: Metrics, now: { readonly connected: () => boolean; readonly waiting: () => number }) {
    metrics.gauge("palaver_bus_connected", "1 while other replicas are told and heard, otherwise 0.", () =>
      now.connected() ? 1 : 0,
    );
    metrics.gauge(
      "palaver_bus_waiting",
      "Notifications that are on their way to other replicas or wait for a connection.",
      now.waiting,
    );
    this.#connections = metrics.counter(
      "palaver_bus_connections_total",
      "How often a connection to NATS was made or came back.",
    );
    this.#published = metrics.counter(
      "palaver_bus_published_total",
      "Notifications that NATS has acknowledged.",
    );
    this.#failures = metrics.counter(
      "palaver_bus_publish_failures_total",
      "Attempts to publish that were not acknowledged. Most are repeated.",
    );
    this.#dropped = metrics.counter(
      "palaver_bus_dropped_total",
      "Notifications that other replicas were never told. They find the change when they look by themselves.",
    );
    this.#received = metrics.counter(
      "palaver_bus_received_total",
      "Messages of other replicas that arrived.",
    );
  }

  connected(): void {
    this.#connections.inc();
  }

  published(): void {
    this.#published.inc();
  }

  publishFailed(): void {
    this.#failures.inc();
  }

  dropped(): void {
    this.#dropped.inc();
  }

  received(): void {
    this.#received.inc();
  }
}
