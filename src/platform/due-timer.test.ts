import { expect, it } from "vitest";
import { DueTimer } from "./due-timer.js";
import { ManualClock } from "./manual-clock.js";

function start(ms: number): { clock: ManualClock; timer: DueTimer; woken: () => number } {
  const clock = new ManualClock();
  let woken = 0;
  const timer = new DueTimer(clock, ms, () => {
    woken += 1;
  });
  return { clock, timer, woken: () => woken };
}

it("wakes its owner once, when it falls due, and starts over when it is taken", () => {
  const { clock, timer, woken } = start(100);
  clock.advance(99);
  expect([woken(), timer.takeDue()]).toEqual([0, false]);
  clock.advance(1);
  expect(woken()).toBe(1);
  clock.advance(1_000);
  expect([woken(), timer.takeDue(), timer.takeDue()]).toEqual([1, true, false]);
  clock.advance(100);
  expect(woken()).toBe(2);
});

it("counts from the last time that it was restarted, with one timer of the clock", () => {
  const { clock, timer, woken } = start(100);
  for (let count = 0; count < 10; count += 1) {
    clock.advance(60);
    timer.restart();
  }
  expect([woken(), clock.pending]).toEqual([0, 1]);
  clock.advance(99);
  expect(woken()).toBe(0);
  clock.advance(1);
  expect(woken()).toBe(1);
});

it("falls due earlier or later, as it is restarted with another time", () => {
  const { clock, timer, woken } = start(100);
  timer.restart(1_000);
  clock.advance(999);
  expect(woken()).toBe(0);
  timer.restart(10);
  clock.advance(9);
  expect(woken()).toBe(0);
  clock.advance(1);
  expect([woken(), clock.pending]).toEqual([1, 0]);
});

it("never wakes its owner after it was disposed of", () => {
  const { clock, timer, woken } = start(100);
  timer[Symbol.dispose]();
  clock.advance(1_000);
  expect([woken(), clock.pending]).toEqual([0, 0]);
});

it("counts from the time it is told, unless that is before it last began", () => {
  const { clock, timer, woken } = start(100);
  clock.advance(60);
  timer.restartedAt(50);
  clock.advance(89);
  expect(woken()).toBe(0);
  clock.advance(1);
  expect([woken(), clock.pending]).toEqual([1, 0]);
  // It was due, and is not any more.
  timer.restartedAt(120);
  expect([timer.takeDue(), clock.pending]).toEqual([false, 1]);
  timer.restartedAt(20);
  clock.advance(69);
  expect(woken()).toBe(1);
  clock.advance(1);
  expect([woken(), timer.takeDue()]).toEqual([2, true]);
  // Too long ago to make a difference.
  clock.advance(1_000);
  timer.restartedAt(400);
  expect([timer.takeDue(), timer.takeDue()]).toEqual([true, false]);
});
