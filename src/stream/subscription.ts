import { setMaxListeners } from "node:events";
import { type Clock, DueTimer, type Logger, Wakeup } from "../platform/index.js";
import { PalaverError } from "../protocol/index.js";
import type { ChatReader } from "./chat-view.js";
import { Cohort, type CohortMember } from "./cohort.js";
import { encodeCursor } from "./cursor.js";
import type { EpisodeSource } from "./delta-log.js";
import { compareEpisodes, type EpisodeId } from "./episode.js";
import type { EpisodeLog } from "./episode-log.js";
import { approximateSize } from "./event-size.js";
import { tellDeltas } from "./live-step.js";
import { maxBatchEvents, maxBatchSize, type StreamBatch } from "./stream-batch.js";
import { keepalive } from "./stream-event.js";
import { startStream, stepStream } from "./stream-machine.js";
import type { Emission, StreamInput, StreamOutput, StreamPosition, StreamState } from "./stream-state.js";
import { ViewSource } from "./view-source.js";

/** Where hints come from that a chat changed: the bus. They may be doubled, late or wrong; what a lost one said comes again later (BUS-5). */
export interface ChangeHints {
  /** Calls `listener` for each hint about that chat until disposed. Undefined: nobody says what became of it; look. */
  watchChat(
    chatId: string,
    listener: (notification: { readonly snapshotVersion: bigint } | undefined) => void,
  ): Disposable;
}

export interface SubscriptionDeps {
  readonly reader: ChatReader;
  readonly bus: ChangeHints;
  readonly deltaLog: EpisodeSource;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborts when the server shuts down: all subscriptions then end with UNAVAILABLE / SHUTTING_DOWN (STREAM-15). */
  readonly shutdown: AbortSignal;
  /** After this time without a batch there is one with a `keepalive`. Default: 15 s. */
  readonly keepaliveMs?: number | undefined;
  /**
   * A subscriber that does not take what is ready is cut off, with RESOURCE_EXHAUSTED / SLOW_CONSUMER, when the deltas it has not taken
   * weigh more than this (STREAM-13); until then they wait in the log, merged. Default: 4 Mi, see `EpisodeLog.weight`.
   */
  readonly maxBacklog?: number | undefined;
}

interface SubscribeOptions {
  /** A chat that the caller may read: access was checked before. */
  readonly chatId: string;
  /** What the subscriber has: where it goes on. */
  readonly position: StreamPosition;
}

const atOnce = { patient: false };
const patiently = { patient: true };
const standardMaxBacklog = 4 * 1024 * 1024;

/**
 * A chat for one subscriber, as the protocol has it: its state, then every change. The shell of the stream machine: gathers hints, carries out
 * what the machine asks for, and collects what it emits.
 *
 * It works only when it is asked for the next batch: a reader that is slow lets hints coalesce and holds no more than two pages of
 * messages and references to two episodes of the delta log. It delays nobody else. What it did not take it gets merged; if that becomes
 * too much, it is cut off and resumes at its last cursor.
 *
 * Ends with a PalaverError: CHAT_NOT_FOUND when the chat does not exist or is deleted, SHUTTING_DOWN, SLOW_CONSUMER, DATABASE_UNAVAILABLE when
 * not even the first read succeeds (later ones are repeated for as long as it takes).
 */
export class Subscription implements Disposable {
  readonly #deps: SubscriptionDeps;
  readonly #chatId: string;
  readonly #wakeup = new Wakeup();
  readonly #views: ViewSource;
  readonly #sources: readonly Disposable[];
  readonly #silence: DueTimer;

  #state: StreamState;
  /** What the machine emitted and nobody took yet. */
  #outbox: Emission[] = [];
  #outboxSize = 0;
  /** Where the subscriber is with what it took. */
  #position: StreamPosition;
  /** Answers and timers. Each follows a request of the machine, so they are few. */
  readonly #inbox: StreamInput[] = [];
  /** The latest version that was heard of, while the machine does not know it. */
  #notifiedVersion: number | undefined;
  /** The latest episode that opened, while the machine does not know it. */
  #opened: EpisodeLog | undefined;
  /** The latest episode that the machine knows and may still follow. */
  #announced: EpisodeLog | undefined;
  /** The episode in which the subscriber was, while it may still be followed. */
  #resumed: EpisodeLog | undefined;
  #followed: Following | undefined;
  /** With whom deltas are taken. Then it is where they are, whatever stands here. */
  #cohort: Joined | undefined;
  #timer: Disposable | undefined;
  #failure: PalaverError | undefined;
  #shutDown: boolean;
  /** A batch was taken, and nobody asked for the next one yet. */
  #delivering = false;
  #onReady: ((options: { readonly patient: boolean }) => void) | undefined;

  constructor(deps: SubscriptionDeps, { chatId, position }: SubscribeOptions) {
    const { bus, clock, deltaLog, shutdown, keepaliveMs = 15_000 } = deps;
    const wake = (): void => this.#wake();
    this.#deps = deps;
    this.#chatId = chatId;
    this.#position = position;
    this.#views = new ViewSource(deps, chatId);
    this.#silence = new DueTimer(clock, keepaliveMs, wake);
    this.#shutDown = shutdown.aborted;
    const end = (): void => {
      this.#shutDown = true;
      wake();
    };
    // Every subscription of the server listens to this one signal, which is no leak.
    setMaxListeners(0, shutdown);
    shutdown.addEventListener("abort", end, { once: true });
    this.#sources = [
      this.#views,
      this.#silence,
      { [Symbol.dispose]: () => shutdown.removeEventListener("abort", end) },
      bus.watchChat(chatId, (notification) => {
        const version = Number(notification?.snapshotVersion ?? Number.POSITIVE_INFINITY);
        this.#notifiedVersion = Math.max(this.#notifiedVersion ?? 0, version);
        wake();
      }),
      deltaLog.watch(chatId, (log) => {
        this.#goAlone();
        // What it follows has ended: its rest is taken now, in case nobody asks for it before the next one opens.
        if (this.#failure === undefined) this.#advance();
        this.#opened = log;
        wake();
      }),
    ];
    // All ears before the first look, so that nothing is lost between the two.
    this.#opened = deltaLog.current(chatId);
    const { seen } = position;
    this.#resumed = seen === undefined ? undefined : deltaLog.find(chatId, seen.episode);
    const { state, outputs } = startStream(position, { held: this.#resumed !== undefined });
    this.#state = state;
    for (const output of outputs) this.#carryOut(output);
  }

  /**
   * What becomes ready, until the signal aborts: abort it in order to leave while the next batch is awaited, since the `return` of a generator
   * waits until then. For one reader at a time, who may leave and go on with another.
   */
  async *batches(signal: AbortSignal): AsyncGenerator<StreamBatch, void, undefined> {
    while (!signal.aborted) {
      const batch = this.take();
      if (batch !== undefined) yield batch;
      else await this.#wakeup.wait(signal);
    }
  }

  /**
   * Calls back whenever there may be something to take, instead of waking whoever reads {@link Subscription.batches}. `patient`: it is
   * nothing but more deltas, which lose nothing by waiting for others.
   */
  onReady(callback: (options: { readonly patient: boolean }) => void): void {
    this.#onReady = callback;
  }

  /**
   * For who has taken all that is ready: what comes next may come together with others' then, and is given without being asked for, at the end of a
   * turn of the event loop, until `give` returns false, or anything else happens, which is called back as ever.
   */
  joinOthers(give: (batch: StreamBatch) => boolean): void {
    const followed = this.#followed;
    const state = this.#state;
    if (followed === undefined || state.phase !== "live" || this.#cohort !== undefined || this.#hasOthers())
      return;
    // While it reads it goes alone: what it reads is for it.
    if (state.fetchId !== undefined || this.#shutDown) return;
    const { log, lastSeq } = followed;
    if (log.state.type !== "open" || log.lastSeq !== lastSeq) return;
    const member: CohortMember = {
      give,
      dismiss: ({ gaveUp }) => {
        this.#goAlone();
        this.#delivering = gaveUp;
        if (!gaveUp) this.#wake(patiently);
      },
    };
    const cohort = Cohort.join({ chatId: this.#chatId, log, state }, member, this.#deps.clock);
    if (cohort === undefined) return;
    followed.watch?.[Symbol.dispose]();
    followed.watch = undefined;
    this.#cohort = { member, cohort, lastId: state.lastId };
  }

  /** Goes on by itself, from where the others are, if it goes with others. */
  #goAlone(): void {
    const joined = this.#cohort;
    const followed = this.#followed;
    if (joined === undefined || followed === undefined) return;
    const { cohort, member, lastId } = joined;
    this.#cohort = undefined;
    cohort.leave(member);
    const { last } = cohort;
    if (last !== undefined && cohort.lastSeq > followed.lastSeq) {
      this.#state = { ...last.state, lastId };
      this.#position = last.position;
      this.#silence.restartedAt(last.atMs);
      followed.lastSeq = cohort.lastSeq;
    }
    followed.watch = this.#watchLog(followed);
  }

  /** Nothing comes of a log that is closed. */
  #watchLog(followed: Following): Disposable | undefined {
    const { log } = followed;
    return log.state.type === "open" ? log.onChange(() => this.#onDelta(followed)) : undefined;
  }

  /** All that is ready, up to the size of a batch; undefined for nothing. Throws when the stream is over and everything was taken. */
  take(): StreamBatch | undefined {
    this.#goAlone();
    const batch = this.#take();
    this.#delivering = batch !== undefined;
    return batch;
  }

  #take(): StreamBatch | undefined {
    if (this.#shutDown) throw shuttingDown();
    const followed = this.#followed;
    if (followed?.log.state.type === "open" && !this.#hasOthers()) {
      if (followed.log.lastSeq <= followed.lastSeq) return this.#takeKeepalive();
      const deltas = this.#takeDeltas(followed);
      if (deltas !== undefined) return deltas;
    }
    if (this.#failure === undefined) this.#advance();
    const batch = this.#nextEmissions();
    const last = batch.at(-1);
    if (last?.position !== undefined) {
      this.#silence.restart();
      this.#position = last.position;
      return { events: batch.map(({ event }) => event), cursor: encodeCursor(this.#chatId, last.position) };
    }
    if (this.#failure !== undefined) throw this.#failure;
    return this.#takeKeepalive();
  }

  #takeKeepalive(): StreamBatch | undefined {
    // The first event is the status, however long the database takes.
    if (!this.#silence.takeDue() || this.#position.told === undefined) return undefined;
    return { events: [keepalive], cursor: encodeCursor(this.#chatId, this.#position) };
  }

  /** The next deltas, and nothing else; undefined where they are too much for one batch, or more is to be told than they say. */
  #takeDeltas(followed: Following): StreamBatch | undefined {
    const state = this.#state;
    if (state.phase !== "live") return undefined;
    const { log, lastSeq } = followed;
    const events = log.read(lastSeq, maxBatchSize);
    const step = events && tellDeltas(this.#chatId, state, log.episode, events);
    if (step === undefined) return undefined;
    followed.lastSeq = step.position.seen?.lastSeq ?? lastSeq;
    this.#state = step.state;
    this.#position = step.position;
    this.#silence.restart();
    return step.batch;
  }

  /** There may be something to take, or to be told to the machine, beside deltas. */
  #hasOthers(): boolean {
    return (
      this.#failure !== undefined ||
      this.#outbox.length > 0 ||
      this.#opened !== undefined ||
      this.#inbox.length > 0 ||
      this.#notifiedVersion !== undefined
    );
  }

  /** What the next batch is made of: nearly always all that there is. */
  #nextEmissions(): readonly Emission[] {
    const outbox = this.#outbox;
    const isOne = outbox.length <= maxBatchEvents && this.#outboxSize <= maxBatchSize;
    if (isOne && outbox.at(-1)?.position !== undefined) {
      this.#outbox = [];
      this.#outboxSize = 0;
      return outbox;
    }
    const batch = outbox.splice(0, batchLength(outbox));
    for (const { event } of batch) this.#outboxSize -= approximateSize(event);
    return batch;
  }

  [Symbol.dispose](): void {
    this.#goAlone();
    for (const source of this.#sources) source[Symbol.dispose]();
    this.#followed?.watch?.[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
  }

  /** Tells the machine what it does not know yet, until a batch is full: what a slow reader does not take is not asked for. */
  #advance(): void {
    for (let input = this.#nextInput(); input !== undefined; input = this.#nextInput()) this.#feed(input);
  }

  /**
   * What came from the delta log goes before answers and timers: deltas that led to a view need not be waited for then, and an episode
   * that has ended is not given up.
   */
  #nextInput(): StreamInput | undefined {
    if (this.#outbox.length >= maxBatchEvents || this.#outboxSize >= maxBatchSize) return undefined;
    const opened = this.#opened;
    if (opened !== undefined) {
      this.#opened = undefined;
      this.#announced = opened;
      return { type: "episodeOpened", episode: opened.episode };
    }
    const input = this.#nextFromLog() ?? this.#inbox.shift();
    if (input !== undefined) return input;
    const snapshotVersion = this.#notifiedVersion;
    this.#notifiedVersion = undefined;
    return snapshotVersion === undefined ? undefined : { type: "notified", snapshotVersion };
  }

  /** Deltas are taken only as far as they fit into a batch; the others stay in the log, where all readers share them. */
  #nextFromLog(): StreamInput | undefined {
    const followed = this.#followed;
    if (followed === undefined) return undefined;
    const { log, lastSeq } = followed;
    const { episode, state } = log;
    const discarded = state.type === "closed" && state.outcome === "discarded";
    const events = discarded ? undefined : log.read(lastSeq, maxBatchSize);
    const last = events?.at(-1)?.event;
    if (events !== undefined && last?.case === "messagePart") {
      followed.lastSeq = Number(last.value.seq);
      return { type: "deltas", episode, events };
    }
    if (events !== undefined && state.type === "open") return undefined;
    this.#unfollow();
    // What is no longer held cannot be told.
    const outcome = events === undefined || state.type === "open" ? "discarded" : state.outcome;
    return { type: "episodeClosed", episode, outcome };
  }

  #feed(input: StreamInput): void {
    const { state, outputs } = stepStream(this.#state, input);
    this.#state = state;
    for (const output of outputs) this.#carryOut(output);
    // What the machine has forgotten is not held either: an idle subscriber keeps no deltas in memory.
    if (state.phase === "ended" || state.announced === undefined) this.#announced = undefined;
    if (state.phase !== "opening") this.#resumed = undefined;
  }

  #carryOut(output: StreamOutput): void {
    switch (output.type) {
      case "emit":
        for (const emission of output.emissions) {
          this.#outbox.push(emission);
          this.#outboxSize += approximateSize(emission.event);
        }
        break;
      case "fetch":
        this.#fetch(output);
        break;
      case "follow":
        this.#follow(output.episode, output.afterSeq);
        break;
      case "unfollow":
        this.#unfollow();
        break;
      case "armTimer": {
        const { timerId, ms } = output;
        this.#timer?.[Symbol.dispose]();
        this.#timer = this.#deps.clock.timer(ms, () => this.#receive({ type: "timer", timerId }));
        break;
      }
      case "end":
        this.#failure = new PalaverError("not_found", "CHAT_NOT_FOUND", "There is no such chat.");
        break;
      default:
        output satisfies never;
    }
  }

  #fetch({ fetchId, ...options }: Extract<StreamOutput, { type: "fetch" }>): void {
    this.#views.read(
      options,
      (view) => this.#receive({ type: "view", fetchId, view }),
      (error) => {
        this.#failure = error;
        this.#wake();
      },
    );
  }

  #wake(options = atOnce): void {
    if (this.#onReady === undefined) this.#wakeup.notify();
    else this.#onReady(options);
  }

  #receive(input: StreamInput): void {
    this.#inbox.push(input);
    this.#wake();
  }

  #follow(episode: EpisodeId, afterSeq: number): void {
    const log = [this.#announced, this.#resumed].find(
      (known) => known !== undefined && compareEpisodes(known.episode, episode) === 0,
    );
    if (log === undefined)
      throw new Error("an episode was followed that is neither the latest nor the one resumed");
    const followed: Following = { log, lastSeq: afterSeq, weightBefore: log.weight, watch: undefined };
    followed.watch = this.#watchLog(followed);
    this.#followed = followed;
    this.#inbox.push({ type: "following", episode, lastSeq: log.lastSeq });
  }

  /** While a batch is on its way the next deltas wait in the log, but not without end. */
  #onDelta(followed: Following): void {
    const { maxBacklog = standardMaxBacklog } = this.#deps;
    const { log, lastSeq, weightBefore } = followed;
    if (
      this.#failure === undefined &&
      this.#delivering &&
      log.weight - weightBefore > maxBacklog &&
      log.weightAfter(lastSeq) > maxBacklog
    ) {
      this.#failure = slowConsumer();
      this.#unfollow();
      this.#outbox.length = 0;
      this.#outboxSize = 0;
    }
    this.#wake(this.#failure === undefined ? patiently : atOnce);
  }

  #unfollow(): void {
    this.#followed?.watch?.[Symbol.dispose]();
    this.#followed = undefined;
  }
}

interface Joined {
  readonly cohort: Cohort;
  readonly member: CohortMember;
  /** Its own, which the cohort knows nothing of. */
  readonly lastId: number;
}

interface Following {
  readonly log: EpisodeLog;
  /** The last delta that was taken out of it. */
  lastSeq: number;
  /** What was there when it began: that much to catch up with makes nobody slow. */
  readonly weightBefore: number;
  /** While it is heard of deltas by itself. */
  watch: Disposable | undefined;
}

/** How many of the emissions make a batch: at least one if there is one, and none that has to travel together with the next. */
function batchLength(emissions: readonly Emission[]): number {
  let size = 0;
  let length = 0;
  for (const [index, { event, position }] of emissions.entries()) {
    size += approximateSize(event);
    if (length > 0 && (index >= maxBatchEvents || size > maxBatchSize)) break;
    if (position !== undefined) length = index + 1;
  }
  return length;
}

function slowConsumer(): PalaverError {
  return new PalaverError(
    "resource_exhausted",
    "SLOW_CONSUMER",
    "This subscriber did not read for too long. Subscribe again with the last cursor to go on where it was.",
  );
}

function shuttingDown(): PalaverError {
  return new PalaverError(
    "unavailable",
    "SHUTTING_DOWN",
    "The server is shutting down. Subscribe again to go on with another replica.",
  );
}
