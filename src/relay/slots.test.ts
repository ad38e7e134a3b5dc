import { expect, test } from "vitest";
import { Slots } from "./slots.js";

const never = new AbortController().signal;

/** Whether a promise has settled by now, without any event from outside. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  return settled;
}

test("as many as there are places go on, the others in the order in which they came", async () => {
  const slots = new Slots(2);
  const first = await slots.take(never);
  await slots.take(never);
  const third = slots.take(never);
  const fourth = slots.take(never);
  expect(await isSettled(third)).toBe(false);
  first.release();
  first.release();
  expect(await isSettled(third)).toBe(true);
  expect(await isSettled(fourth)).toBe(false);
  (await third).release();
  expect(await isSettled(fourth)).toBe(true);
});

test("whoever leaves while waiting takes no place with it", async () => {
  const slots = new Slots(1);
  const leave = new AbortController();
  const first = await slots.take(never);
  const left = slots.take(leave.signal);
  const second = slots.take(never);
  leave.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  await expect(slots.take(leave.signal)).rejects.toThrow("left");
  first.release();
  expect(await isSettled(second)).toBe(true);
  (await second).release();
  expect(await isSettled(slots.take(never))).toBe(true);
});
