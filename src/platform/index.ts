export { type Clock, systemClock } from "./clock.js";
export { createLogger, type Logger, silentLogger } from "./logger.js";
export { ManualClock } from "./manual-clock.js";
export { type Random, systemRandom } from "./random.js";
export { Wakeup } from "./wakeup.js";
