import fc from "fast-check";
import { expect, test } from "vitest";
import { atEndOfTurn, silentLogger } from "../platform/index.js";
import { chatId } from "./chat-model.fixture.js";
import type { ChatView, ReadViewOptions } from "./chat-view.js";
import { ChatWorld } from "./chat-world.fixture.js";
import { decodeCursor } from "./cursor.js";
import { describeEvent, nothing } from "./machine-run.fixture.js";
import { maxBatchSize, type StreamBatch } from "./stream-batch.js";
import { type ChangeHints, Subscription } from "./subscription.js";
import { TranscriptChecker } from "./transcript-checker.fixture.js";

type Listener = Parameters<ChangeHints["watchChat"]>[1];

/** A chat, and all that a subscription needs. */
class Scene {
  readonly world = new ChatWorld();
  readonly shutdown = new AbortController();
  readonly #listeners = new Set<Listener>();

  constructor() {
    this.world.chat.onCommit = (version) => {
      for (const listener of this.#listeners) listener({ snapshotVersion: BigInt(version) });
    };
  }

  watchChat(_chatId: string, listener: Listener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Nothing but deltas of one step is left to come. */
  generate(): void {
    this.world.send();
    this.world.acquire();
    this.world.begin();
    this.world.openLog();
    this.world.delta("a");
  }
}

/** Somebody who is delivered to as over the wire, and checks every word. */
class Reader implements Disposable {
  /** What it was told, each delta by itself. */
  readonly told: string[] = [];
  cursor = "";
  batches = 0;
  /** How many of them it did not ask for. */
  given = 0;
  /** What it gets next fills it. */
  fills = false;
  isFull = false;
  failure: unknown;
  #left = false;
  readonly #together: boolean;
  readonly #subscription: Subscription;
  readonly #checker: TranscriptChecker;

  constructor(scene: Scene, { together = true, afterMessageId = 0, maxBacklog = 4_000_000 } = {}) {
    const { world, shutdown } = scene;
    this.#checker = new TranscriptChecker(world, undefined, afterMessageId);
    const readView = async (id: string, options: ReadViewOptions): Promise<ChatView | undefined> => {
      const view = await world.readView(id, options);
      this.#checker.sees(view);
      return view;
    };
    const { clock, deltaLog } = world;
    this.#subscription = new Subscription(
      {
        reader: { readView },
        bus: scene,
        deltaLog,
        clock,
        logger: silentLogger,
        shutdown: shutdown.signal,
        maxBacklog,
      },
      { chatId, position: { ...nothing, afterMessageId } },
    );
    this.#together = together;
    this.#subscription.onReady(this.#wake);
    this.#wake({ patient: false });
  }

  /** As whoever delivers to an HTTP stream does. */
  #wake = ({ patient }: { readonly patient: boolean }): void => {
    if (patient) atEndOfTurn(this.#flush);
    else queueMicrotask(this.#flush);
  };

  #flush = (): void => {
    if (this.isFull || this.failure !== undefined || this.#left) return;
    try {
      for (let batch = this.#subscription.take(); batch !== undefined; batch = this.#subscription.take()) {
        this.#read(batch);
        if (this.#isFullAfterIt()) return;
      }
      if (this.#together) this.#subscription.joinOthers(this.#give);
    } catch (error) {
      this.failure = error;
    }
  };

  #give = (batch: StreamBatch): boolean => {
    this.given += 1;
    this.#read(batch);
    return !this.#isFullAfterIt();
  };

  #isFullAfterIt(): boolean {
    this.isFull = this.fills;
    return this.isFull;
  }

  drain(): void {
    this.fills = false;
    this.isFull = false;
    this.#wake({ patient: false });
  }

  finish(): void {
    expect(this.failure).toBeUndefined();
    this.#checker.finish();
  }

  [Symbol.dispose](): void {
    this.#left = true;
    this.#subscription[Symbol.dispose]();
  }

  #read({ events, cursor }: StreamBatch): void {
    this.batches += 1;
    this.cursor = cursor;
    this.#checker.read(events);
    for (const event of events) {
      if (event.event.case !== "messagePart") this.told.push(describeEvent(event));
      else {
        const { episode, firstSeq, seq, block } = event.event.value;
        for (let each = firstSeq; each <= seq; each += 1n)
          this.told.push(`${episode?.historyVersion}.${episode?.generationAttempt}#${each} of ${block}`);
      }
    }
  }
}

/** Until nothing more happens by itself: reads are answered, and what is due at the end of a turn is done. */
async function turn(): Promise<void> {
  for (let count = 0; count < 4; count += 1) await new Promise<void>((resolve) => atEndOfTurn(resolve));
}

test("whoever has taken all there is gets deltas without asking for them, in the same batch as all others", async () => {
  const scene = new Scene();
  scene.generate();
  using one = new Reader(scene);
  using other = new Reader(scene);
  using later = new Reader(scene, { afterMessageId: 1 });
  await turn();
  const before = [one, other, later].map(({ batches }) => batches);
  for (const text of ["b", "c", "d"]) {
    scene.world.delta(text);
    await turn();
  }
  expect([one, other, later].map(({ batches }, index) => batches - (before[index] ?? 0))).toEqual([3, 3, 3]);
  expect([one, other, later].map(({ given }) => given)).toEqual([3, 3, 3]);
  expect(one.cursor).toBe(other.cursor);
  expect(decodeCursor(chatId, later.cursor)?.afterMessageId).toBe(1);
});

test("whoever is full goes on by itself where it was, and is cut off when it is too slow", async () => {
  const scene = new Scene();
  scene.generate();
  using quick = new Reader(scene);
  using slow = new Reader(scene);
  using tooSlow = new Reader(scene, { maxBacklog: 2_000 });
  await turn();
  slow.fills = true;
  tooSlow.fills = true;
  for (let count = 0; count < 100; count += 1) {
    scene.world.delta("b".repeat(100));
    await turn();
  }
  const { batches } = slow;
  expect(quick.given).toBe(100);
  slow.drain();
  tooSlow.drain();
  await turn();
  expect(slow.batches).toBe(batches + 1);
  expect(slow.told).toEqual(quick.told);
  expect(tooSlow.failure).toMatchObject({ reason: "SLOW_CONSUMER" });
  scene.world.delta("c");
  await turn();
  expect([quick.given, slow.given]).toEqual([101, 2]);
});

test("only so many places have a cohort: who is anywhere else goes alone, and is told the same", async () => {
  const scene = new Scene();
  scene.generate();
  const readers = Array.from({ length: 12 }, (_, index) => new Reader(scene, { afterMessageId: 1 + index }));
  await turn();
  for (const text of ["b", "c"]) {
    scene.world.delta(text);
    await turn();
  }
  expect(readers.map(({ given }) => given)).toEqual([
    ...Array<number>(8).fill(2),
    ...Array<number>(4).fill(0),
  ]);
  for (const { told } of readers) expect(told.slice(-2)).toEqual(["2.1#2 of 1", "2.1#3 of 1"]);
  for (const reader of readers) reader[Symbol.dispose]();
});

test("deltas that are too much for one batch come in several", async () => {
  const scene = new Scene();
  scene.generate();
  using one = new Reader(scene);
  using other = new Reader(scene);
  await turn();
  for (let count = 0; count < 3; count += 1) scene.world.delta("b".repeat(maxBatchSize - 1_000));
  await turn();
  expect(one.told.slice(-3)).toEqual(["2.1#2 of 1", "2.1#3 of 1", "2.1#4 of 1"]);
  expect(other.told).toEqual(one.told);
});

test("a server that shuts down ends all of them", async () => {
  const scene = new Scene();
  scene.generate();
  using one = new Reader(scene);
  using other = new Reader(scene);
  await turn();
  scene.world.delta("b");
  await turn();
  expect([one.given, other.given]).toEqual([1, 1]);
  scene.shutdown.abort();
  await turn();
  for (const { failure } of [one, other]) expect(failure).toMatchObject({ reason: "SHUTTING_DOWN" });
});

const happenings = {
  send: ({ world }: Scene) => world.send(),
  sendInterrupt: ({ world }: Scene) => world.send("interrupt"),
  edit: ({ world }: Scene) => world.edit(),
  interrupt: ({ world }: Scene) => void world.chat.interrupt(),
  rename: ({ world }: Scene) => void world.chat.rename(),
  acquire: ({ world }: Scene) => world.acquire(),
  die: ({ world }: Scene) => world.die(),
  begin: ({ world }: Scene) => world.begin(),
  openLog: ({ world }: Scene) => world.openLog(),
  delta: ({ world }: Scene) => world.delta("x"),
  otherDelta: ({ world }: Scene) => world.delta("y", 2),
  call: ({ world }: Scene) => world.call(),
  commit: ({ world }: Scene) => world.commit(),
  close: ({ world }: Scene) => world.close(),
  finish: ({ world }: Scene) => world.finish(),
  finishInterrupt: ({ world }: Scene) => world.finishInterrupt(),
  retry: ({ world }: Scene) => world.retry(),
  fail: ({ world }: Scene) => world.fail(),
  silence: ({ world }: Scene) => world.clock.advance(10_000),
};
const names = Object.keys(happenings) as (keyof typeof happenings)[];

const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<keyof typeof happenings>("delta", "otherDelta") },
  {
    weight: 4,
    arbitrary: fc.constantFrom<keyof typeof happenings>(
      "begin",
      "openLog",
      "commit",
      "close",
      "acquire",
      "finish",
      "send",
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom(...names) },
  { weight: 4, arbitrary: fc.constant("turn" as const) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("join" as const, "fill" as const, "drain" as const, "leave" as const),
  },
);

test("whoever goes with others is told what it would be told alone (STREAM-2, 3, 5, 7-13)", async () => {
  let given = 0;
  let keepalives = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 60 }), async (steps) => {
      const scene = new Scene();
      scene.generate();
      using alone = new Reader(scene, { together: false });
      using first = new Reader(scene);
      using second = new Reader(scene);
      using slow = new Reader(scene);
      const others: Reader[] = [];
      await turn();
      for (const step of steps) {
        if (step === "turn") await turn();
        else if (step === "join") others.push(new Reader(scene));
        else if (step === "fill") slow.fills = true;
        else if (step === "drain") slow.drain();
        else if (step === "leave") others.shift()?.[Symbol.dispose]();
        else happenings[step](scene);
        if (step !== "turn") continue;
        expect([first.told, first.cursor]).toEqual([alone.told, alone.cursor]);
        expect([second.told, second.cursor]).toEqual([alone.told, alone.cursor]);
      }
      scene.world.close();
      slow.drain();
      await turn();
      for (const wait of [10_000, 10_000]) {
        scene.world.clock.advance(wait);
        await turn();
      }
      expect([first.told, first.cursor]).toEqual([alone.told, alone.cursor]);
      for (const reader of [alone, first, second, slow, ...others]) {
        reader.finish();
        given += reader.given;
        reader[Symbol.dispose]();
      }
      keepalives += first.told.filter((event) => event === "keepalive").length;
    }),
    { numRuns: 1_000 },
  );
  // The property says nothing where nobody ever goes with others.
  expect(given).toBeGreaterThan(500);
  expect(keepalives).toBeGreaterThan(0);
}, 120_000);
