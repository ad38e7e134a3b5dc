import { expect, test } from "vitest";
import { until } from "./until.js";

test("returns the first truthy value", async () => {
  let looks = 0;
  const value = await until(() => (++looks < 3 ? undefined : `look ${looks}`), { what: "three looks" });
  expect(value).toBe("look 3");
});

test("a condition that throws is not met yet", async () => {
  let looks = 0;
  await until(
    () => {
      if (++looks < 3) throw new Error("too early");
      return true;
    },
    { what: "three looks" },
  );
  expect(looks).toBe(3);
});

test("gives up at the deadline and says what it waited for and what it saw last", async () => {
  await expect(until(() => false, { what: "a miracle", deadlineMs: 30 })).rejects.toThrow(
    "waited 30 ms for a miracle; the last look gave false",
  );
  const cause = new Error("no such thing");
  await expect(until(() => Promise.reject(cause), { what: "a thing", deadlineMs: 30 })).rejects.toMatchObject(
    {
      message: "waited 30 ms for a thing; the last look failed: no such thing",
      cause,
    },
  );
});

test("gives up at the deadline when the condition hangs", async () => {
  await expect(
    until(() => new Promise<never>(() => {}), { what: "an answer", deadlineMs: 30 }),
  ).rejects.toThrow("waited 30 ms for an answer; the condition never answered");
});
