import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import type { RelayInput, RelayOutput, RelayOwner } from "./relay-machine.js";
import { startRelay, stepRelay } from "./relay-machine.js";
import {
  beginning,
  currentDial,
  first,
  next,
  possibleInputs,
  second,
  type Surroundings,
} from "./relay-machine.fixture.js";

/** A machine, fed by hand; returns what it puts out. */
function machine() {
  let { state, outputs } = startRelay();
  const began = outputs;
  const feed = (input: RelayInput): readonly RelayOutput[] => {
    ({ state, outputs } = stepRelay(state, input));
    return outputs;
  };
  const readId = (): number => state.reading?.readId ?? 0;
  const owner = (owner: RelayOwner): readonly RelayOutput[] =>
    feed({ type: "owner", readId: readId(), owner });
  const there = (target = first): readonly RelayOutput[] => owner({ type: "there", target });
  const dialId = (): number => ("dialId" in state ? state.dialId : 0);
  const connect = (): void => {
    there();
    feed({ type: "dialed", dialId: dialId() });
  };
  return { began, feed, owner, there, dialId, connect, phase: () => state.phase };
}

const nobody: RelayOwner = { type: "nobody" };
const forward: RelayOutput = { type: "forward" };
const look: RelayInput = { type: "notified", hint: undefined };
const ms = (outputs: readonly RelayOutput[]): number[] =>
  outputs.flatMap((output) => (output.type === "armTimer" ? [output.ms] : []));
const timerOf = (outputs: readonly RelayOutput[]): RelayInput => {
  const armed = outputs.find((output) => output.type === "armTimer");
  return { type: "timer", timerId: armed?.timerId ?? 0 };
};

describe("the relay of a chat", () => {
  it("asks who runs it, and dials another replica that does", () => {
    const { began, there, phase } = machine();
    expect(began).toEqual([{ type: "readOwner", readId: 1 }]);
    expect(there()).toEqual([{ type: "dial", dialId: 2, target: first }]);
    expect(phase()).toBe("dialling");
  });

  it("RELAY-10: rests while this replica runs it, and while nobody does", () => {
    for (const owner of [nobody, { type: "here" } as const]) {
      const { owner: answer, phase } = machine();
      answer(owner);
      expect(phase()).toBe("idle");
    }
  });

  it("asks the database only for what a notification does not confirm", () => {
    const { connect, feed } = machine();
    connect();
    expect(feed({ type: "notified", hint: { workerId: "w1" } })).toEqual([]);
    expect(feed({ type: "notified", hint: { workerId: "w2" } })).toEqual([{ type: "readOwner", readId: 3 }]);
    // One read at a time, and once more for what was heard meanwhile.
    expect(feed(look)).toEqual([]);
    expect(feed({ type: "owner", readId: 3, owner: { type: "there", target: first } })).toEqual([
      { type: "readOwner", readId: 4 },
    ]);
  });

  it("asks once more after what is heard during a read, even where it says what is known", () => {
    const { feed, owner, there } = machine();
    // The read may have begun before the turn ended.
    feed({ type: "notified", hint: { workerId: undefined } });
    expect(there()).toContainEqual({ type: "readOwner", readId: 3 });
    expect(owner(nobody)).toContainEqual({ type: "cancelDial", dialId: 2 });
  });

  it("RELAY-3: a dial that succeeds after the turn has ended is closed, and what it brings is dropped", () => {
    const { there, feed, owner, dialId } = machine();
    there();
    const stale = dialId();
    feed({ type: "notified", hint: { workerId: undefined } });
    expect(owner(nobody)).toContainEqual({ type: "cancelDial", dialId: stale });
    expect(feed({ type: "dialed", dialId: stale })).toEqual([{ type: "close", dialId: stale }]);
    expect(feed({ type: "received", dialId: stale, kind: "deltas" })).toEqual([]);
  });

  it("RELAY-3: so is one to a worker that has lost the chat, while the new one's is used", () => {
    const { there, feed, dialId } = machine();
    there(first);
    const stale = dialId();
    feed(look);
    expect(there(second)).toEqual([
      { type: "cancelDial", dialId: stale },
      { type: "discard" },
      { type: "dial", dialId: stale + 2, target: second },
    ]);
    expect(feed({ type: "dialed", dialId: stale })).toEqual([{ type: "close", dialId: stale }]);
    expect(feed({ type: "dialed", dialId: dialId() })).toEqual([]);
    expect(feed({ type: "received", dialId: stale, kind: "deltas" })).toEqual([]);
    expect(feed({ type: "received", dialId: dialId(), kind: "deltas" })).toEqual([forward]);
  });

  it("RELAY-5: redials after 500 ms, growing to 15 s, reads the owner before, and starts over after a delta", () => {
    const { there, connect, feed, dialId } = machine();
    connect();
    const waits: number[] = [];
    let outputs = feed({ type: "ended", dialId: dialId(), refused: false });
    for (let tries = 0; tries < 7; tries += 1) {
      waits.push(...ms(outputs));
      expect(feed(timerOf(outputs))[0]?.type).toBe("readOwner");
      expect(there()).toEqual([{ type: "dial", dialId: dialId(), target: first }]);
      outputs = feed({ type: "dialFailed", dialId: dialId(), refused: false });
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    feed(timerOf(outputs));
    connect();
    feed({ type: "received", dialId: dialId(), kind: "opened" });
    // To be accepted is not enough: it may be lost again at once.
    outputs = feed({ type: "ended", dialId: dialId(), refused: false });
    expect(ms(outputs)).toEqual([15_000]);
    feed(timerOf(outputs));
    connect();
    feed({ type: "received", dialId: dialId(), kind: "deltas" });
    expect(ms(feed({ type: "ended", dialId: dialId(), refused: false }))).toEqual([500]);
  });

  it("RELAY-5: another worker is dialled as if nothing had failed", () => {
    const { there, feed, dialId } = machine();
    there(first);
    const [failed] = ms(feed({ type: "dialFailed", dialId: dialId(), refused: false }));
    feed(look);
    there(second);
    expect(ms(feed({ type: "dialFailed", dialId: dialId(), refused: false }))).toEqual([failed]);
  });

  it("RELAY-5: does not redial a worker that does not run the chat any more", () => {
    const { connect, feed, owner, dialId, phase } = machine();
    connect();
    const lost = feed({ type: "ended", dialId: dialId(), refused: false });
    feed(timerOf(lost));
    expect(owner(nobody)).toEqual([{ type: "discard" }]);
    expect(phase()).toBe("idle");
  });

  it("tries again when the owner cannot be read before a redial", () => {
    const { connect, feed, dialId } = machine();
    connect();
    const lost = feed({ type: "ended", dialId: dialId(), refused: false });
    const [read] = feed(timerOf(lost));
    expect(read?.type).toBe("readOwner");
    if (read?.type === "readOwner")
      expect(ms(feed({ type: "ownerUnknown", readId: read.readId }))).toEqual([1_000]);
  });

  it("RELAY-10: waits for the end of the open episode when the turn is over, 1 s at most", () => {
    const ending = () => {
      const relay = machine();
      relay.connect();
      relay.feed({ type: "received", dialId: relay.dialId(), kind: "opened" });
      relay.feed({ type: "notified", hint: { workerId: undefined } });
      const outputs = relay.owner(nobody);
      expect(ms(outputs)).toEqual([1_000]);
      expect(relay.feed({ type: "received", dialId: relay.dialId(), kind: "deltas" })).toEqual([forward]);
      return { ...relay, outputs };
    };
    const { feed, dialId, phase } = ending();
    const dial = dialId();
    expect(feed({ type: "received", dialId: dial, kind: "closed" })).toEqual([
      forward,
      { type: "close", dialId: dial },
      { type: "discard" },
    ]);
    expect(phase()).toBe("idle");
    const late = ending();
    expect(late.feed(timerOf(late.outputs))).toContainEqual({ type: "discard" });
    expect(late.phase()).toBe("idle");
  });

  it("RELAY-10: does not wait where no episode is open", () => {
    const { connect, feed, owner, dialId, phase } = machine();
    connect();
    const dial = dialId();
    feed({ type: "received", dialId: dial, kind: "opened" });
    feed({ type: "received", dialId: dial, kind: "closed" });
    feed(look);
    expect(owner(nobody)).toEqual([{ type: "close", dialId: dial }, { type: "discard" }]);
    expect(phase()).toBe("idle");
  });

  it("RELAY-12: does not repeat a dial that was refused until the target is another one", () => {
    const { there, feed, dialId, phase } = machine();
    there();
    expect(feed({ type: "dialFailed", dialId: dialId(), refused: true })).toEqual([]);
    feed(look);
    expect(there()).toEqual([]);
    expect(phase()).toBe("refused");
    feed(look);
    expect(there({ ...first, url: "http://elsewhere" })).toContainEqual({
      type: "dial",
      dialId: dialId(),
      target: { ...first, url: "http://elsewhere" },
    });
  });

  it("RELAY-11: releases all when the last watcher leaves, also what comes later", () => {
    const { there, feed, dialId, phase } = machine();
    there();
    const dial = dialId();
    expect(feed({ type: "stop" })).toEqual([{ type: "cancelDial", dialId: dial }, { type: "discard" }]);
    expect(feed({ type: "dialed", dialId: dial })).toEqual([{ type: "close", dialId: dial }]);
    expect(feed(look)).toEqual([]);
    expect(phase()).toBe("stopped");
  });
});

/** The same for all that differ in nothing but the numbers of their ids, and in how often a dial has failed beyond what matters. */
function keyOf({ state, dials, reads, timers }: Surroundings): string {
  const numbers = new Map<number, number>();
  const live = [...dials].filter(([id, { is }]) => is !== "over" || id >= state.lastId - 3);
  const ids = [
    ...("dialId" in state ? [state.dialId] : []),
    ...("timerId" in state && state.timerId !== undefined ? [state.timerId] : []),
    ...reads,
    ...timers,
    ...live.map(([id]) => id),
  ];
  for (const id of ids.toSorted((a, b) => a - b)) if (!numbers.has(id)) numbers.set(id, numbers.size);
  return JSON.stringify([state, live, reads, timers], (name, value: unknown) => {
    if (name === "lastId") return undefined;
    if (name === "failures") return Math.min(2, value as number);
    return typeof value === "number" ? (numbers.get(value) ?? value) : value;
  });
}

test("every sequence of up to 8 inputs keeps the promises, and none leads to where the relay cannot be had", () => {
  let frontier = new Map([["", beginning()]]);
  const seen = new Map<string, Surroundings>();
  let steps = 0;
  for (let depth = 0; depth < 8; depth += 1) {
    const reached = new Map<string, Surroundings>();
    for (const world of frontier.values()) {
      for (const input of possibleInputs(world)) {
        steps += 1;
        const after = next(world, input);
        const key = keyOf(after);
        if (seen.has(key)) continue;
        seen.set(key, after);
        reached.set(key, after);
      }
    }
    frontier = reached;
  }
  expect(seen.size).toBeGreaterThan(500);
  expect(steps).toBeGreaterThan(5_000);
  for (const world of seen.values()) if (world.state.phase !== "stopped") expectConnectable(world);
});

/** When everybody answers, and the second replica runs the chat, its deltas are had. */
function expectConnectable(begin: Surroundings): void {
  let world = next(begin, { type: "notified", hint: undefined });
  for (let steps = 0; steps < 10; steps += 1) {
    const { state, reads, dials } = world;
    const pending = "dialId" in state && dials.get(state.dialId)?.is === "pending" ? state.dialId : undefined;
    const [readId] = reads;
    if (readId !== undefined)
      world = next(world, { type: "owner", readId, owner: { type: "there", target: second } });
    else if (pending !== undefined) world = next(world, { type: "dialed", dialId: pending });
    else if (state.phase === "waiting" && state.timerId !== undefined)
      world = next(world, { type: "timer", timerId: state.timerId });
    else break;
  }
  const { state } = world;
  // One that refused stays out of use, as long as it is the same.
  if (state.phase === "refused") return expect(state.target).toEqual(second);
  expect(state).toMatchObject({ phase: "connected", target: second });
  const dialId = currentDial(state) ?? 0;
  expect(next(world, { type: "received", dialId, kind: "deltas" }).forwarded).toBe(true);
}

test("random lives keep the promises however long they are", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 300, size: "max" }), (choices) => {
      let world = beginning();
      for (const choice of choices) {
        // The stop comes first in the list, and would end most lives early.
        const inputs = possibleInputs(world).slice(choice % 50 === 0 ? 0 : 1);
        const input = inputs[choice % inputs.length];
        if (input !== undefined) world = next(world, input);
      }
      const [stop] = possibleInputs(world);
      if (stop !== undefined) world = next(world, stop);
      for (const [dialId, { is }] of world.dials)
        if (is === "unwanted") world = next(world, { type: "dialed", dialId });
      expect([...world.dials.values()].filter(({ is }) => is !== "over")).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
