import { Code } from "@connectrpc/connect";
import { expect, it, vi } from "vitest";
import { ManualClock } from "../platform/index.js";
import { listen } from "./listen.js";
import { systemClock } from "./runtime.js";

/** A stream that takes no notice of the end of its call, as that of a careless transport. */
function careless() {
  const waiting: ((result: IteratorResult<string>) => void)[] = [];
  return {
    say: (value: string) => waiting.shift()?.({ done: false, value }),
    stream: {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<string>>((resolve) => waiting.push(resolve)),
      }),
    },
  };
}

it("drops what arrives after the abort", async () => {
  const { say, stream } = careless();
  const leave = new AbortController();
  const responses = listen(() => stream, {
    signal: leave.signal,
    silenceMs: 1_000,
    clock: new ManualClock(),
  });
  const first = responses.next();
  say("a");
  expect(await first).toEqual({ done: false, value: "a" });
  const second = responses.next();
  leave.abort();
  say("b");
  expect(await second).toEqual({ done: true, value: undefined });
});

it("never calls a peer silent where that may last for ever, and does not look all the time", async () => {
  vi.useFakeTimers();
  // Timers are not counted with a spy: that of a fake one comes back when vitest restores all spies, and files share their globals.
  const nowMs = (): number => Number(vi.getMockedSystemTime());
  const beganMs = nowMs();
  try {
    const { stream } = careless();
    const leave = new AbortController();
    const next = listen(() => stream, {
      signal: leave.signal,
      silenceMs: Infinity,
      clock: systemClock,
    }).next();
    await vi.advanceTimersByTimeAsync(24 * 3_600_000);
    expect(vi.getTimerCount()).toBe(1);
    expect(await Promise.race([next, Promise.resolve("waits")])).toBe("waits");
    vi.advanceTimersToNextTimer();
    expect(nowMs() - beganMs).toBeGreaterThan(20 * 24 * 3_600_000);
  } finally {
    vi.useRealTimers();
  }
});

it("drops what arrives after the silence, and tells that", async () => {
  const { say, stream } = careless();
  const clock = new ManualClock();
  const responses = listen(() => stream, { silenceMs: 1_000, clock });
  const next = responses.next();
  clock.advance(1_000);
  await Promise.resolve();
  say("late");
  await expect(next).rejects.toMatchObject({ code: Code.Unavailable });
  expect(clock.pending).toBe(0);
});
