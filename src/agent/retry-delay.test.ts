import { expect, it } from "vitest";
import { retryDelayMs } from "./retry-delay.js";

it("doubles from one second to a minute (RETRY-2)", () => {
  expect([1, 2, 3, 6, 7, 24].map((attempt) => retryDelayMs(attempt, undefined))).toEqual([
    1_000, 2_000, 4_000, 32_000, 60_000, 60_000,
  ]);
});

it("waits at least as long as the provider asks", () => {
  expect(retryDelayMs(1, 30_000)).toBe(30_000);
  expect(retryDelayMs(7, 30_000)).toBe(60_000);
  expect(retryDelayMs(1, 0)).toBe(1_000);
});
