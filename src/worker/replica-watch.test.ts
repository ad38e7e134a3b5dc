import { expect, it } from "vitest";
import { ManualClock } from "../platform/index.js";
import { type SeenReplica, ReplicaWatch } from "./replica-watch.js";

const leaseMs = 15_000;

function setUp(): { clock: ManualClock; watch: ReplicaWatch; lapses: number[] } {
  const clock = new ManualClock();
  const lapses: number[] = [];
  const onLapse = (): void => void lapses.push(clock.monotonicMs());
  return { clock, watch: new ReplicaWatch({ selfId: "self", leaseMs, clock, onLapse }), lapses };
}

function replica(
  id: string,
  heartbeatAgeMs: number,
  load: { turns?: number; capacity?: number } = {},
): SeenReplica {
  return { id, heartbeatAgeMs, turns: 0, capacity: 10, ...load };
}

it("a lease that runs out is told then, not at the next look", () => {
  const { clock, watch, lapses } = setUp();
  watch.see([replica("a", 2_000), replica("b", 0)]);
  clock.advance(60_000);
  expect(lapses).toEqual([13_050, 15_050]);
});

it("one that goes on beating is never told of", () => {
  const { clock, watch, lapses } = setUp();
  for (let look = 0; look < 20; look += 1) {
    watch.see([replica("a", 2_900)]);
    clock.advance(3_000);
  }
  expect(lapses).toEqual([]);
});

it("one that is seen dead, or not at all, before its lapse was told is told of all the same", () => {
  const { clock, watch, lapses } = setUp();
  watch.see([replica("dead", 14_000), replica("gone", 14_000)]);
  clock.advance(1_020);
  watch.see([replica("dead", 15_020)]);
  clock.advance(60_000);
  expect(lapses).toEqual([1_050, 1_050]);
});

it("one that was never seen alive, and this replica itself, are nothing to wait for", () => {
  const { clock, watch, lapses } = setUp();
  watch.see([replica("dead", 16_000), replica("self", 1_000)]);
  expect(clock.pending).toBe(0);
  expect(watch.withRoom).toBe(0);
  expect(lapses).toEqual([]);
});

it("those that live and run less than they can have room", () => {
  const { watch } = setUp();
  watch.see([
    replica("idle", 0),
    replica("busy", 0, { turns: 9 }),
    replica("full", 0, { turns: 10 }),
    replica("serves only", 0, { capacity: 0 }),
    replica("dead", leaseMs),
  ]);
  expect(watch.withRoom).toBe(2);
  expect(watch.use).toBeCloseTo(19 / 30);
  watch.see([replica("serves only", 0, { capacity: 0 }), replica("dead", leaseMs, { turns: 5 })]);
  expect(watch.use).toBe(0);
});

it("nothing waits any more when it is disposed", () => {
  const { clock, watch } = setUp();
  watch.see([replica("a", 0), replica("b", 0)]);
  watch[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});
