import { beforeEach, describe, expect, test } from "vitest";
import { ChatWorld } from "./chat-world.fixture.js";
import { MachineRun, nothing } from "./machine-run.fixture.js";

let world: ChatWorld;
const settled = (afterMessageId = 0): MachineRun => {
  const run = new MachineRun(world, { ...nothing, afterMessageId });
  run.settle();
  return run;
};
/** A turn up to its first deltas: history version 2, attempt 1. */
const generating = (...texts: string[]): void => {
  world.send();
  world.acquire();
  world.begin();
  world.openLog();
  for (const text of texts) world.delta(text);
};

beforeEach(() => {
  world = new ChatWorld();
});

describe("the snapshot", () => {
  test("STREAM-2: status, messages, queue, then caught_up", () => {
    generating("Hi");
    world.commit();
    world.close();
    world.finish();
    expect(settled().take()).toEqual(["status waiting", "message 1", "message 2", "queue of 0", "caughtUp"]);
  });

  test("STREAM-1: the status needs one read and waits for no delta", () => {
    generating();
    const run = new MachineRun(world);
    run.announce();
    expect(run.answer()).toBe(true);
    expect(run.take().at(0)).toBe("status running");
  });

  test("STREAM-2: a late joiner gets the running step from seq 1 before caught_up, and what comes after it live", () => {
    generating("Hel", "lo");
    const run = settled();
    expect(run.take()).toEqual([
      "status running",
      "message 1",
      "queue of 0",
      "part 2.1#1-2 Hello",
      "caughtUp",
    ]);
    world.delta("!");
    run.settle();
    expect(run.take()).toEqual(["part 2.1#3 !"]);
  });

  test("STREAM-2: caught_up comes with the last delta that was there, however few are taken at a time", () => {
    generating("a", "b", "c");
    const run = new MachineRun(world);
    run.announce();
    run.answer();
    run.pull(2);
    world.delta("d");
    expect(run.take().at(-1)).toBe("part 2.1#1-2 ab");
    run.pull(1);
    expect(run.take()).toEqual(["part 2.1#3 c", "caughtUp"]);
    run.pull(1);
    expect(run.take()).toEqual(["part 2.1#4 d"]);
  });

  test("STREAM-2: an episode without deltas delays caught_up by nothing", () => {
    generating();
    expect(settled().take()).toEqual(["status running", "message 1", "queue of 0", "caughtUp"]);
  });

  test("STREAM-2: an error, a retry and an action stand after the queue", () => {
    generating("x");
    world.retry();
    world.close();
    expect(settled().take()).toEqual(["status running", "message 1", "queue of 0", "retry", "caughtUp"]);
    world.fail();
    expect(settled().take()).toEqual(["status error", "message 1", "queue of 0", "error", "caughtUp"]);
    generating("x");
    world.call();
    world.commit();
    world.close();
    world.requireAction();
    expect(settled().take().slice(-3)).toEqual(["queue of 0", "actionRequired", "caughtUp"]);
  });

  test("messages up to the given id are left out, until a history reset", () => {
    generating("Hi");
    world.commit();
    world.close();
    world.finish();
    const run = settled(1);
    expect(run.take()).toEqual(["status waiting", "message 2", "queue of 0", "caughtUp"]);
    run.then(() => world.edit());
    expect(run.take()).toEqual(["historyReset", "message 3", "status pending"]);
    run.look();
    expect(run.reads[0]?.options).toMatchObject({ afterMessageId: 0 });
  });

  test("what changes while the first read is under way follows as live", () => {
    const run = new MachineRun(world);
    run.see();
    world.send();
    run.notify();
    run.settle();
    expect(run.take()).toEqual(["status waiting", "queue of 0", "caughtUp", "message 1", "status pending"]);
  });

  test("an episode that is discarded while its deltas are caught up with ends the catching up", () => {
    generating("a", "b");
    const run = new MachineRun(world);
    run.announce();
    run.answer();
    run.pull(1);
    world.retry();
    world.close();
    run.notify();
    run.settle();
    expect(run.take().slice(-4)).toEqual(["part 2.1#1 a", "caughtUp", "previewReset", "retry"]);
  });
});

describe("a turn", () => {
  test("STREAM-7, STREAM-10: deltas, then the message they led to, then idle", () => {
    const run = settled();
    run.take();
    run.then(
      () => world.send(),
      () => world.acquire(),
      () => world.begin(),
      () => world.openLog(),
      () => world.delta("Hel"),
      () => world.delta("lo"),
    );
    expect(run.take()).toEqual([
      "message 1",
      "status pending",
      "status running",
      "part 2.1#1 Hel",
      "part 2.1#2 lo",
    ]);
    run.then(
      () => world.commit(),
      () => world.close(),
      () => world.finish(),
    );
    expect(run.take()).toEqual(["message 2", "status waiting"]);
  });

  test("STREAM-7: a commit that is seen before the last deltas waits for them", () => {
    generating("Hel");
    const run = settled();
    run.take();
    world.delta("lo");
    world.commit();
    run.notify();
    run.answer();
    expect(run.phase).toBe("holding");
    expect(run.take()).toEqual([]);
    run.pull();
    expect(run.take()).toEqual(["part 2.1#2 lo"]);
    world.close();
    run.pull();
    expect(run.take()).toEqual(["message 2"]);
  });

  test("STREAM-7: a worker that does not end its episode is not waited for longer than a second", () => {
    generating("Hel");
    const run = settled();
    run.take();
    world.delta("lo");
    world.commit();
    run.notify();
    run.answer();
    run.fireTimer();
    expect(run.take()).toEqual(["previewReset", "message 2"]);
    run.settle();
    expect(run.take()).toEqual([]);
  });

  test("a timer of an earlier wait does nothing", () => {
    generating("a");
    const run = settled();
    world.commit();
    run.notify();
    run.answer();
    const stale = run.timerId ?? 0;
    world.close();
    run.settle();
    world.begin();
    world.openLog();
    world.delta("b");
    run.notify();
    run.settle();
    world.commit();
    run.notify();
    run.answer();
    run.take();
    run.feed({ type: "timer", timerId: stale });
    expect(run.take()).toEqual([]);
    expect(run.phase).toBe("holding");
  });

  test("no delta precedes the status running: an episode that is ahead of the last read is a reason to read", () => {
    const run = settled();
    run.take();
    generating("Hi");
    run.announce();
    run.pull();
    expect(run.take()).toEqual([]);
    run.settle();
    expect(run.take()).toEqual(["message 1", "status running", "part 2.1#1 Hi"]);
  });

  test("STREAM-8: a step that began and was committed between two reads shows its deltas all the same", () => {
    world.send();
    world.acquire();
    const run = settled();
    run.take();
    world.begin();
    world.openLog();
    world.delta("Hi");
    world.commit();
    world.close();
    world.finish();
    run.notify();
    run.settle();
    expect(run.take()).toEqual(["part 2.1#1 Hi", "message 2", "status waiting"]);
  });

  test("STREAM-10: a turn that passed between two reads is told with its beginning and its end", () => {
    const run = settled();
    run.take();
    generating("Hi");
    world.commit();
    world.close();
    world.finish();
    run.notify();
    run.settle();
    expect(run.take()).toEqual(["status running", "message 1", "message 2", "status waiting"]);
  });

  test("STREAM-10: a failed turn tells the error before the status, and voids what was shown", () => {
    generating("Hal");
    const run = settled();
    run.take();
    run.then(() => world.fail());
    expect(run.take()).toEqual(["previewReset", "error", "status error"]);
  });

  test("the partial of an interrupt follows all deltas, and precedes the message that caused it", () => {
    generating("Hel");
    const run = settled();
    run.take();
    run.then(() => world.send("interrupt"));
    expect(run.take()).toEqual(["queue of 1", "status interrupting"]);
    world.delta("lo");
    run.then(
      () => world.finishInterrupt(),
      () => world.close(),
    );
    expect(run.take()).toEqual(["part 2.1#2 lo", "message 2", "message 3", "queue of 0", "status running"]);
  });

  test("the next step of a turn is followed on the same stream", () => {
    generating("a");
    world.call();
    const run = settled();
    run.take();
    run.then(
      () => world.commit(),
      () => world.close(),
      () => world.begin(),
      () => world.openLog(),
      () => world.delta(""),
    );
    expect(run.take()).toEqual(["message 2", "part 5.1#1 toolResult"]);
  });

  test("a required action is told before its status, each time anew", () => {
    generating("a");
    world.call();
    const run = settled();
    run.take();
    run.then(
      () => world.commit(),
      () => world.close(),
      () => world.requireAction(),
    );
    expect(run.take()).toEqual(["message 2", "actionRequired", "status requires action"]);
    world.chat.submit();
    world.acquire();
    world.begin();
    world.openLog();
    world.call();
    world.commit();
    world.close();
    world.requireAction();
    run.notify();
    run.settle();
    expect(run.take()).toEqual([
      "status running",
      "message 3",
      "message 4",
      "actionRequired",
      "status requires action",
    ]);
  });
});

describe("attempts", () => {
  test("STREAM-9: a retry voids what was shown, and the new attempt begins with preview_reset", () => {
    generating("Hal");
    const run = settled();
    run.take();
    run.then(
      () => world.retry(),
      () => world.close(),
    );
    expect(run.take()).toEqual(["previewReset", "retry"]);
    run.then(
      () => world.begin(),
      () => world.openLog(),
      () => world.delta("Hel"),
    );
    expect(run.take()).toEqual(["previewReset", "part 2.2#1 Hel"]);
  });

  test("RETRY-3: a notice that becomes known together with a status stands after it, and once more after the next", () => {
    const run = settled();
    run.take();
    generating();
    world.retry();
    world.close();
    run.notify();
    run.settle();
    expect(run.take()).toEqual(["message 1", "status running", "retry"]);
    run.then(() => world.release());
    expect(run.take()).toEqual(["status pending", "retry"]);
  });

  test("STREAM-9: also when nothing of the attempt before was shown", () => {
    generating();
    const run = settled();
    run.take();
    run.then(
      () => world.retry(),
      () => world.close(),
      () => world.begin(),
    );
    expect(run.take()).toEqual(["retry", "previewReset"]);
  });

  test("STREAM-9: a takeover is a new attempt", () => {
    generating("Hal");
    const run = settled();
    run.take();
    run.then(
      () => world.die(),
      () => world.close(),
      () => world.acquire(),
    );
    expect(run.take()).toEqual([]);
    run.then(
      () => world.begin(),
      () => world.openLog(),
      () => world.delta("Hel"),
    );
    expect(run.take()).toEqual(["previewReset", "part 2.2#1 Hel"]);
  });

  test("STREAM-9: a handover leaves what was shown until the new attempt begins", () => {
    generating("Hal");
    const run = settled();
    run.take();
    run.then(
      () => world.release(),
      () => world.close(),
      () => world.acquire(),
      () => world.begin(),
    );
    expect(run.take()).toEqual(["status pending", "status running", "previewReset"]);
  });

  test("nothing is added to what was shown after a handover was told", () => {
    generating("Hal");
    const run = settled();
    run.take();
    world.delta("loween");
    world.release();
    run.notify();
    run.answer();
    run.pull();
    expect(run.take()).toEqual(["status pending"]);
  });

  test("STREAM-9: a subscriber that joins a later attempt has nothing to forget", () => {
    generating("Hal");
    world.retry();
    world.begin();
    world.openLog();
    world.delta("Hel");
    expect(settled().take()).toEqual([
      "status running",
      "message 1",
      "queue of 0",
      "part 2.2#1 Hel",
      "caughtUp",
    ]);
  });

  test("STREAM-9: an attempt that passed between two reads is told apart from the one before", () => {
    generating("Hal");
    const run = settled();
    run.take();
    world.retry();
    world.begin();
    world.openLog();
    world.delta("Hel");
    world.commit();
    world.close();
    run.notify();
    run.settle();
    expect(run.take()).toEqual(["previewReset", "part 2.2#1 Hel", "message 2"]);
  });

  test("the remaining deltas of a discarded episode are not told", () => {
    generating("Hal");
    const run = settled();
    run.take();
    world.delta("loween");
    world.retry();
    world.close();
    run.notify();
    run.settle();
    expect(run.take()).toEqual(["previewReset", "retry"]);
  });
});

describe("changes beside the turn", () => {
  test("an edit resets preview and history, and waits for no worker", () => {
    generating("Hal");
    const run = settled();
    run.take();
    world.edit();
    world.delta("lo");
    run.notify();
    run.answer();
    expect(run.take()).toEqual(["previewReset", "historyReset", "message 2", "status pending"]);
    run.settle();
    expect(run.take()).toEqual([]);
  });

  test("the queue is told when it changed", () => {
    generating();
    const run = settled();
    run.take();
    run.then(
      () => world.send(),
      () => void world.chat.rename(),
      () => void world.chat.deleteQueued(),
    );
    expect(run.take()).toEqual(["queue of 1", "chatUpdate", "queue of 0"]);
  });

  test("a chat that is deleted ends the stream", () => {
    const run = settled();
    world.chat.delete();
    run.poll();
    run.answer();
    expect(run.ended).toBe(true);
    run.notify(99);
    run.poll();
    expect(run.reads).toEqual([]);
  });

  test("a chat that does not exist ends the stream before it begins", () => {
    world.chat.delete();
    const run = settled();
    expect(run.ended).toBe(true);
    expect(run.emissions).toEqual([]);
  });
});

describe("hints", () => {
  test("BUS-4: doubled and old ones lead to no read", () => {
    const run = settled();
    run.notify();
    run.notify(0);
    expect(run.reads).toEqual([]);
  });

  test("BUS-4: a forged one leads to one read and no event", () => {
    const run = settled();
    run.take();
    run.notify(Number.MAX_SAFE_INTEGER);
    run.settle();
    expect(run.reads).toEqual([]);
    expect(run.take()).toEqual([]);
  });

  test("one that comes while a read is under way leads to another read only if the answer is older", () => {
    const run = settled();
    world.chat.rename();
    run.notify();
    run.see();
    world.chat.rename();
    run.notify();
    run.answer();
    expect(run.reads).toHaveLength(1);
    run.notify();
    run.answer();
    expect(run.reads).toEqual([]);
  });

  test("BUS-5: what a lost one hid is found with the next", () => {
    const run = settled();
    run.take();
    world.send();
    run.poll();
    run.settle();
    expect(run.take()).toEqual(["message 1", "status pending"]);
    run.poll();
    expect(run.reads).toEqual([]);
  });

  test("BUS-5: one that names no version leads to one read that began after it", () => {
    const run = settled();
    run.take();
    run.look();
    run.see();
    world.send();
    run.look();
    run.look();
    run.answer();
    expect(run.take()).toEqual([]);
    expect(run.reads).toHaveLength(1);
    run.answer();
    expect(run.take()).toEqual(["message 1", "status pending"]);
    expect(run.reads).toEqual([]);
  });

  test("an answer from a database that lags behind is dropped", () => {
    const run = settled();
    const lagging = world.chat.whole();
    run.then(() => world.send());
    run.take();
    run.look();
    run.feed({ type: "view", fetchId: run.reads[0]?.fetchId ?? 0, view: lagging });
    expect(run.take()).toEqual([]);
  });

  test("an answer to an earlier question is dropped", () => {
    const run = settled();
    run.take();
    world.send();
    const view = world.chat.whole();
    run.feed({ type: "view", fetchId: 1, view });
    expect(run.take()).toEqual([]);
  });
});

test("STREAM-5: a gap in the deltas is never passed on", () => {
  generating("a", "b");
  const run = settled();
  const log = world.deltaLog.current("0b9bd2a2-7c3b-4d5e-9f00-000000000001");
  const episode = log?.episode ?? { historyVersion: 0, generationAttempt: 0 };
  expect(() => run.feed({ type: "deltas", episode, events: log?.read(0) ?? [] })).toThrow(/continue/);
});
