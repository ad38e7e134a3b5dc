import { expect, it } from "vitest";
import { LastFew } from "./last-few.js";

it("finds the latest of the last few, and forgets the oldest", () => {
  const few = new LastFew<{ readonly key: string; readonly value: number }>(2);
  const valueOf = (wanted: string): number | undefined => few.find(({ key }) => key === wanted)?.value;
  expect(valueOf("a")).toBeUndefined();
  few.add({ key: "a", value: 1 });
  expect(valueOf("a")).toBe(1);
  few.add({ key: "a", value: 2 });
  expect(valueOf("a")).toBe(2);
  few.add({ key: "b", value: 3 });
  expect([valueOf("a"), valueOf("b")]).toEqual([2, 3]);
  few.add({ key: "c", value: 4 });
  expect([valueOf("a"), valueOf("b"), valueOf("c")]).toEqual([undefined, 3, 4]);
});
