import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** Names are unique in one {@link Metrics}. Base units: seconds, bytes; counters end in `_total`. */
export type MetricName = `palaver_${string}`;

/**
 * The value of each label. All values together are few and known beforehand: they come from this program or its schema, never from a
 * request, a chat or its owner, since each combination is kept until the process ends, and shown to whoever reads metrics.
 */
export type Labels<Name extends string> = Readonly<Record<Name, string>>;

/** Labels cannot be forgotten where a metric has some, and may be left out where it has none. */
type Labelled<Name extends string, Rest extends readonly unknown[]> = [Name] extends [never]
  ? [labels?: Readonly<Record<string, never>>, ...rest: Rest]
  : [labels: Labels<Name>, ...rest: Rest];

export interface CounterMetric<Label extends string = never> {
  /** Adds `by`, 1 unless given. 0 shows a combination of labels before anything happened, so that its first event counts as one. */
  inc(...args: Labelled<Label, [by?: number]>): void;
}

export interface HistogramMetric<Label extends string = never> {
  observe(value: number, ...args: Labelled<Label, []>): void;
}

/** One value of a gauge that has labels. */
export interface LabelledValue<Label extends string> {
  readonly labels: Labels<Label>;
  readonly value: number;
}

/** Where the rooms of one replica count what they do. Defining the same name twice throws. Everything is documented in docs/metrics.md. */
export interface Metrics {
  counter<Label extends string = never>(
    name: MetricName & `${string}_total`,
    help: string,
    labelNames?: readonly Label[],
  ): CounterMetric<Label>;
  /** A value of the present moment: `read` is called when somebody looks, must not throw, and is kept as long as these metrics are. */
  gauge(name: MetricName, help: string, read: () => number): void;
  gauge<Label extends string>(
    name: MetricName,
    help: string,
    read: () => Iterable<LabelledValue<Label>>,
    labelNames: readonly Label[],
  ): void;
  /** How often values were at most as large as each of `buckets`, which ascend. */
  histogram<Label extends string = never>(
    name: MetricName,
    help: string,
    options: { readonly buckets: readonly number[]; readonly labelNames?: readonly Label[] },
  ): HistogramMetric<Label>;
}

/** Metrics that can be read, in the text format of Prometheus. */
export interface ReadableMetrics extends Metrics {
  readonly contentType: string;
  /** What was defined here, and what the whole process uses of its machine. */
  text(): Promise<string>;
}

/** Metrics of one replica; several in one process do not see each other's. */
export function createMetrics(): ReadableMetrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    contentType: registry.contentType,
    text: async () => `${await registry.metrics()}\n${await processRegistry().metrics()}`,
    counter: (name, help, labelNames = []) => {
      const counter = new Counter<string>({ name, help, labelNames, registers });
      return { inc: (...[labels, by = 1]) => counter.inc(labels ?? {}, by) };
    },
    gauge: (
      name: MetricName,
      help: string,
      read: () => number | Iterable<LabelledValue<string>>,
      labelNames: readonly string[] = [],
    ) => {
      new Gauge<string>({
        name,
        help,
        labelNames,
        registers,
        collect() {
          const now = read();
          if (typeof now === "number") return this.set(now);
          this.reset();
          for (const { labels, value } of now) this.set(labels, value);
        },
      });
    },
    histogram: (name, help, { buckets, labelNames = [] }) => {
      const histogram = new Histogram<string>({ name, help, buckets: [...buckets], labelNames, registers });
      return { observe: (value, ...[labels]) => histogram.observe(labels ?? {}, value) };
    },
  };
}

/** Counts nothing: for commands, and for a replica whose metrics nobody can read. */
export const noMetrics: Metrics = {
  counter: () => ({ inc: () => undefined }),
  gauge: () => undefined,
  histogram: () => ({ observe: () => undefined }),
};

let ofProcess: Registry | undefined;

/** Memory, time, garbage collection: the same for all replicas of a process. What observes them cannot be stopped, so there is one. */
function processRegistry(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}
