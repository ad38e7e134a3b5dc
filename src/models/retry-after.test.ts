import { describe, expect, it } from "vitest";
import { readRetryAfter } from "./retry-after.js";

const now = new Date("2026-01-01T00:00:00Z");

describe("Retry-After", () => {
  it.each([
    [{ "retry-after": "7" }, 7000],
    [{ "Retry-After": " 0 " }, 0],
    [{ "retry-after": "1.5" }, 1500],
    [{ "retry-after-ms": "250", "retry-after": "7" }, 250],
    [{ "retry-after-ms": "soon", "retry-after": "7" }, 7000],
    [{ "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" }, 30_000],
    [{ "retry-after": "Wed, 31 Dec 2025 23:00:00 GMT" }, 0],
    [{ "retry-after": "-3" }, undefined],
    [{ "retry-after": "later" }, undefined],
    [{ "retry-after": "2026-01-01" }, undefined],
    [{ "retry-after": "99999999999999" }, 365 * 24 * 60 * 60 * 1000],
    [{ "retry-after": undefined }, undefined],
    [{}, undefined],
  ])("%j is %s ms", (headers, ms) => {
    expect(readRetryAfter(headers, now)).toBe(ms);
  });
});
