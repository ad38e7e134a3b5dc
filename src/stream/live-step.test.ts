import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import { chatId } from "./chat-model.fixture.js";
import { ChatWorld } from "./chat-world.fixture.js";
import { encodeCursor } from "./cursor.js";
import { type LiveStep, tellDeltas } from "./live-step.js";
import { MachineRun, nothing } from "./machine-run.fixture.js";
import { stepStream } from "./stream-machine.js";
import type { Live } from "./stream-state.js";

let world: ChatWorld;

beforeEach(() => {
  world = new ChatWorld();
});

/** A turn up to its first delta, whose subscribers are live. */
function generating(): void {
  world.send();
  world.acquire();
  world.begin();
  world.openLog();
  world.delta("a");
}

/** Somebody live, who wants the messages after this one and has made so many reads more than needed. */
function live({ afterMessageId = 0, reads = 0 } = {}): Live {
  const run = new MachineRun(world, { ...nothing, afterMessageId });
  run.settle();
  for (let read = 0; read < reads; read += 1) {
    run.look();
    run.settle();
  }
  if (run.state.phase !== "live") throw new Error("not live");
  return run.state;
}

/** What the log holds after what a subscriber has seen. */
function rest({ preview }: Live): readonly StreamEvent[] {
  return world.deltaLog.current(chatId)?.read(preview?.lastSeq ?? 0) ?? [];
}

function tell(state: Live, events = rest(state)): LiveStep {
  const { episode } = world.deltaLog.current(chatId) ?? {};
  const step = episode && tellDeltas(chatId, state, episode, events);
  if (step === undefined) throw new Error("nothing was told");
  return step;
}

describe("deltas for those who are live", () => {
  test("are told with one batch, and lead to one state, where all are at the same place", () => {
    generating();
    const states = [live(), live()];
    expect(states[0]).not.toBe(states[1]);
    world.delta("b");
    const [first, second] = states.map((state) => tell(state));
    expect(second).toBe(first);
    expect(first?.batch.events).toEqual(rest(states[0] as Live));
    expect(first?.batch.cursor).toBe(encodeCursor(chatId, first?.position ?? nothing));
  });

  test("are told with one batch however often somebody has read, and reads stay told apart", () => {
    generating();
    const [once, often] = [live(), live({ reads: 3 })];
    expect(often.lastId).toBeGreaterThan(once.lastId);
    world.delta("b");
    const [first, second] = [tell(once), tell(often)];
    expect(second.batch).toBe(first.batch);
    expect(second.state).toEqual({ ...first.state, lastId: often.lastId });
  });

  test("come with another cursor for whoever has something else", () => {
    generating();
    const [all, later] = [live(), live({ afterMessageId: 1 })];
    world.delta("b");
    const [first, second] = [tell(all), tell(later)];
    expect(second.batch.events).toBe(first.batch.events);
    expect(second.batch.cursor).not.toBe(first.batch.cursor);
    expect(second.position.afterMessageId).toBe(1);
  });

  test("are left to the machine where they are too many for one batch, or not shown", () => {
    generating();
    const state = live();
    for (let index = 0; index < 257; index += 1) world.delta(`${index}`, 1 + (index % 2));
    const { episode } = world.deltaLog.current(chatId) ?? {};
    if (episode === undefined) throw new Error("no episode");
    expect(tellDeltas(chatId, state, episode, rest(state))).toBeUndefined();
    const another = { ...episode, generationAttempt: 2 };
    expect(tellDeltas(chatId, state, another, rest(state).slice(0, 1))).toBeUndefined();
  });

  test("lead to what the machine makes of them, whoever else is told the same", () => {
    const anyone = fc.record({ afterMessageId: fc.nat(1), reads: fc.nat(2), seen: fc.nat(2) });
    const anyDeltas = fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 3 }), fc.nat(1)), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(
        fc.array(anyone, { minLength: 1, maxLength: 6 }),
        fc.array(anyDeltas, { minLength: 1, maxLength: 5 }),
        (subscribers, rounds) => {
          world = new ChatWorld();
          generating();
          let states = subscribers.map((subscriber) => live(subscriber));
          for (const [round, deltas] of rounds.entries()) {
            for (const [text, block] of deltas) world.delta(text, block);
            states = states.map((state, index) => {
              // Some are behind for a while, and get more at once later.
              if ((subscribers[index]?.seen ?? 0) > round && round < rounds.length - 1) return state;
              const step = tell(state);
              const input = { type: "deltas", episode: step.state.preview?.episode, events: rest(state) };
              const expected = stepStream(state, input as Parameters<typeof stepStream>[1]);
              expect(step.state).toEqual(expected.state);
              const [output] = expected.outputs;
              const emissions = output?.type === "emit" ? output.emissions : [];
              expect(step.batch.events).toEqual(emissions.map(({ event }) => event));
              expect(step.position).toEqual(emissions.at(-1)?.position);
              expect(step.batch.cursor).toBe(encodeCursor(chatId, step.position));
              return step.state;
            });
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
