import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { systemClock } from "./clock.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const day = 24 * 60 * 60 * 1_000;

it("waits for longer than a timer of the platform can count", async () => {
  let rang = false;
  systemClock.timer(60 * day, () => {
    rang = true;
  });
  await vi.advanceTimersByTimeAsync(59 * day);
  expect(rang).toBe(false);
  await vi.advanceTimersByTimeAsync(day);
  expect(rang).toBe(true);
});

it("leaves a long wait at once when the signal aborts", async () => {
  const leave = new AbortController();
  const sleeping = systemClock.sleep(60 * day, { signal: leave.signal });
  await vi.advanceTimersByTimeAsync(30 * day);
  leave.abort(new Error("enough"));
  await expect(sleeping).rejects.toThrow("enough");
  expect(vi.getTimerCount()).toBe(0);
});
