import fc from "fast-check";
import { expect, test } from "vitest";
import { ChatWorld } from "./chat-world.fixture.js";
import { describeEvent, MachineRun } from "./machine-run.fixture.js";
import { TranscriptChecker } from "./transcript-checker.fixture.js";

/** Things that happen to a chat. */
const happenings = {
  send: (world) => world.send(),
  sendInterrupt: (world) => world.send("interrupt"),
  edit: (world) => world.edit(),
  editEarlier: (world) => world.edit(1),
  interrupt: (world) => void world.chat.interrupt(),
  submit: (world) => void world.chat.submit(),
  deleteQueued: (world) => void world.chat.deleteQueued(),
  rename: (world) => void world.chat.rename(),
  acquire: (world) => world.acquire(),
  die: (world) => world.die(),
  begin: (world) => world.begin(),
  openLog: (world) => world.openLog(),
  delta: (world) => world.delta("x"),
  otherDelta: (world) => world.delta("y", 2),
  call: (world) => world.call(),
  commit: (world) => world.commit(),
  close: (world) => world.close(),
  finish: (world) => world.finish(),
  requireAction: (world) => world.requireAction(),
  finishInterrupt: (world) => world.finishInterrupt(),
  retry: (world) => world.retry(),
  fail: (world) => world.fail(),
  release: (world) => world.release(),
} satisfies Record<string, (world: ChatWorld) => void>;

/** Things that happen on the way to a subscriber; notifications may be lost, doubled, late and out of order. */
const arrivals = {
  announce: (run) => run.announce(),
  pullOne: (run) => void run.pull(1),
  pull: (run) => void run.pull(),
  see: (run) => run.see(),
  answer: (run) => void run.answer(),
  notifyOldest: (run) => run.notify(run.notifications.shift() ?? 0),
  notifyLatest: (run) => run.notify(run.notifications.at(-1) ?? 0),
  loseNotifications: (run) => void run.notifications.splice(0),
  poll: (run) => run.poll(),
  fireTimer: (run) => run.fireTimer(),
  settle: (run) => run.settle(),
} satisfies Record<string, (run: MachineRun) => void>;

type Action = keyof typeof happenings | keyof typeof arrivals;

const names = <T extends object>(record: T): (keyof T)[] => Object.keys(record) as (keyof T)[];

const start: readonly Action[] = ["send", "acquire", "begin", "openLog", "delta", "otherDelta"];
const end: readonly Action[] = ["begin", "openLog", "delta", "delta", "commit", "close", "finish"];
/** Turns as they usually go: random happenings alone seldom get far. */
const turns: readonly (readonly Action[])[] = [
  [...start, "commit", "close", "finish"],
  [...start, "retry", "close", ...end],
  [...start, "sendInterrupt", "delta", "finishInterrupt", "close", ...end],
  [...start, "interrupt", "delta", "finishInterrupt", "close"],
  [...start, "call", "call", "commit", "close", "begin", "openLog", "delta", "commit", "close", ...end],
  [...start, "call", "commit", "close", "requireAction", "submit", "acquire", ...end],
  [...start, "release", "close", "acquire", ...end],
  [...start, "die", "acquire", "close", ...end],
  [...start, "fail", "close"],
  [...start, "edit", "delta", "commit", "close", "acquire", ...end],
];

const arrival = fc.constantFrom(...names(arrivals));
const happening = fc.constantFrom(...names(happenings));

/** A turn from which a few steps may be missing, with anything arriving between its steps. */
const turn: fc.Arbitrary<readonly Action[]> = fc
  .constantFrom(...turns)
  .chain((steps) => fc.subarray([...steps], { minLength: steps.length - 2 }))
  .chain((steps) => {
    const between = fc.array(
      fc.oneof({ weight: 9, arbitrary: arrival }, { weight: 1, arbitrary: happening }),
      { maxLength: 3 },
    );
    return fc
      .tuple(...steps.map((step) => between.map((others): Action[] => [step, ...others])))
      .map((parts) => parts.flat());
  });

const anyActions: fc.Arbitrary<readonly Action[]> = fc.oneof(
  { weight: 4, arbitrary: turn },
  { weight: 2, arbitrary: happening.map((name) => [name]) },
  { weight: 2, arbitrary: arrival.map((name) => [name]) },
);

function act(action: Action, world: ChatWorld, run: MachineRun): void {
  if (action in happenings) happenings[action as keyof typeof happenings](world);
  else arrivals[action as keyof typeof arrivals](run);
}

const scenario = fc.record({
  before: fc.array(anyActions, { maxLength: 3 }),
  after: fc.array(anyActions, { minLength: 1, maxLength: 8 }),
  /** How many messages the subscriber has already, if there are so many. */
  known: fc.constantFrom(0, 0, 0, 1, 2),
});

test("whatever happens, and however it becomes known, a subscriber is told the truth in order (STREAM-2, 5, 7-12)", () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(scenario, ({ before, after, known }) => {
      const world = new ChatWorld();
      const nobody = new MachineRun(new ChatWorld());
      for (const action of before.flat()) act(action, world, nobody);
      const afterMessageId =
        world.chat.view({ sinceVersion: 0, afterMessageId: 0 })?.messages.slice(0, known).at(-1)?.id ?? 0n;
      const run = new MachineRun(world, Number(afterMessageId));
      const transcript: string[] = [];
      let checker: TranscriptChecker | undefined;
      const check = (): void => {
        const events = run.events.splice(0);
        transcript.push(...events.map(describeEvent));
        checker ??=
          run.views[0] === undefined
            ? undefined
            : new TranscriptChecker(world, run.views[0], Number(afterMessageId));
        checker?.read(events);
      };
      try {
        for (const action of after.flat()) {
          act(action, world, run);
          transcript.push(`(${action})`);
          check();
          reached.add(run.phase);
        }
        // The world stands still; what was lost is found by looking.
        world.close();
        for (let look = 0; look < 3; look += 1) {
          run.settle();
          run.poll();
          run.settle();
          run.fireTimer();
        }
        check();
        checker?.finish();
        expect(checker?.takenBack ?? 0).toBeLessThanOrEqual(run.timersFired);
      } catch (error) {
        throw new Error(`${(error as Error).message}\n${transcript.join("\n")}`, { cause: error });
      }
    }),
    { numRuns: 2_000 },
  );
  // The property says nothing if its worlds never get anywhere.
  expect([...reached].sort()).toEqual(["catchingUp", "holding", "live", "opening"]);
});
