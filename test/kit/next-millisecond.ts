import { until } from "./until.js";

/**
 * Waits until this machine's clock tells another millisecond: what happens from then on is later than all before, also by the embedded
 * engine's clock, which has whole milliseconds. For tests of what is ordered by time.
 */
export async function nextMillisecond(): Promise<void> {
  const began = Date.now();
  await until(() => Date.now() > began, { what: "the next millisecond", intervalMs: 0 });
}
