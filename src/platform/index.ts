export { type Clock, systemClock } from "./clock.js";
export { DueTimer } from "./due-timer.js";
export { atEndOfTurn } from "./end-of-turn.js";
export { envelopePrefixBytes, jsonEnvelope, sealEnvelope } from "./envelope.js";
export { EnvelopeReader, EnvelopeTooLarge } from "./envelope-reader.js";
export { LastFew } from "./last-few.js";
export { createLogger, type Logger, silentLogger } from "./logger.js";
export { ManualClock } from "./manual-clock.js";
export {
  type CounterMetric,
  createMetrics,
  type HistogramMetric,
  type LabelledValue,
  type Labels,
  type MetricName,
  type Metrics,
  noMetrics,
  type ReadableMetrics,
} from "./metrics.js";
export { type Random, systemRandom } from "./random.js";
export { Wakeup } from "./wakeup.js";
