import { nowUs } from "./wire.js";

/** The time, then filler. */
export function stampedDelta(bytes: number): string {
  return String(nowUs()).padStart(16, "0").padEnd(bytes, "x");
}
