import type { TurnEnd } from "../agent/index.js";
import type { Acquired, WorkerRefusal } from "../chat/index.js";
import type { Metrics } from "../platform/index.js";
import type { ChatErrorKind } from "../protocol/index.js";

/** What became of an attempt at a step. */
export type StepOutcome = "committed" | "failed" | "interrupted" | "handed_over" | "discarded";

/** What can be seen of a worker at any moment. */
export interface WorkerGauges {
  /** Turns that are at work. */
  readonly busy: () => number;
  /** Turns that wait for their next attempt. */
  readonly waiting: () => number;
  readonly capacity: number;
  readonly heartbeatAgeMs: () => number;
}

/** A batch of tools takes from milliseconds to minutes, and so does an answer. */
const stepBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const waitBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60];

const acquiredFrom = ["new", "taken_over"] as const;
const ends = ["idle", "released", "cut", "lost"] as const satisfies readonly TurnEnd[];
/** Those that happen; others would be mistakes of this program. */
const refusals = ["INTERRUPT_REQUESTED", "STALE"] as const satisfies readonly WorkerRefusal["refused"][];
const stepKinds = ["model", "tools"] as const;
const stepOutcomes = ["committed", "failed", "interrupted", "handed_over", "discarded"] as const;

/** Counts what the worker of a replica does. */
export class WorkerMetrics {
  readonly #acquired;
  readonly #waits;
  readonly #ends;
  readonly #steps;
  readonly #stepSeconds;
  readonly #errors;
  readonly #refused;

  constructor(metrics: Metrics, { busy, waiting, capacity, heartbeatAgeMs }: WorkerGauges) {
    metrics.gauge("palaver_turns_running", "Turns that are at work here.", busy);
    metrics.gauge("palaver_turns_waiting", "Turns that wait here for their next attempt.", waiting);
    metrics.gauge("palaver_turns_capacity", "How many turns may be at work here.", () => capacity);
    metrics.gauge(
      "palaver_heartbeat_age_seconds",
      "How long ago this replica last told the database that it lives.",
      () => heartbeatAgeMs() / 1_000,
    );
    this.#acquired = metrics.counter(
      "palaver_turns_acquired_total",
      "Chats that were acquired here: new ones that nobody ran, or taken over from an owner that gave no sign of life.",
      ["from"],
    );
    this.#waits = metrics.histogram(
      "palaver_turn_wait_seconds",
      "How long new work waited to be acquired, since the commit that made it.",
      { buckets: waitBuckets },
    );
    this.#ends = metrics.counter(
      "palaver_turns_ended_total",
      "Acquired chats that are not run here any more: idle, released between two steps, cut in the middle of one, or lost.",
      ["end"],
    );
    this.#steps = metrics.counter("palaver_steps_total", "Attempts at a step that are over, by outcome.", [
      "kind",
      "outcome",
    ]);
    this.#stepSeconds = metrics.histogram(
      "palaver_step_duration_seconds",
      "How long steps took that were committed.",
      { buckets: stepBuckets, labelNames: ["kind"] },
    );
    this.#errors = metrics.counter(
      "palaver_step_errors_total",
      "Errors that failed an attempt or a turn, by the kind that clients are told.",
      ["kind"],
    );
    this.#refused = metrics.counter(
      "palaver_worker_writes_refused_total",
      "Writes of the worker that the chat refused because it had moved on, by reason.",
      ["reason"],
    );
    for (const from of acquiredFrom) this.#acquired.inc({ from }, 0);
    for (const reason of refusals) this.#refused.inc({ reason }, 0);
    for (const end of ends) this.#ends.inc({ end }, 0);
    for (const kind of stepKinds) for (const outcome of stepOutcomes) this.#steps.inc({ kind, outcome }, 0);
  }

  acquired({ takenOver, waitedMs }: Acquired): void {
    this.#acquired.inc({ from: takenOver ? "taken_over" : "new" });
    if (waitedMs !== undefined) this.#waits.observe(waitedMs / 1_000);
  }

  ended(end: TurnEnd): void {
    this.#ends.inc({ end });
  }

  stepEnded(kind: (typeof stepKinds)[number], outcome: StepOutcome, durationMs: number): void {
    this.#steps.inc({ kind, outcome });
    if (outcome === "committed") this.#stepSeconds.observe(durationMs / 1_000, { kind });
  }

  failed(kind: ChatErrorKind): void {
    this.#errors.inc({ kind });
  }

  refused(reason: WorkerRefusal["refused"]): void {
    this.#refused.inc({ reason });
  }
}
