import { type Lease, runTurn, TurnControl, type TurnDeps, type TurnEnd } from "../agent/index.js";
import type { Bus } from "../bus/index.js";
import type { Acquired, Chats, Place } from "../chat/index.js";
import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { ChatNotification } from "../gen/palaver/relay/v1/notification_pb.js";
import { atEndOfTurn, type Clock, type Logger, type Metrics, Wakeup } from "../platform/index.js";
import { CheckpointWriter } from "./checkpoint-writer.js";
import { giveUpTurn } from "./give-up-turn.js";
import { ReplicaWatch, type SeenReplica } from "./replica-watch.js";
import { chatsToAskFor, giveWayMs, type Load, takesUnasked } from "./share.js";
import { StepCounts } from "./step-counts.js";
import { WorkerMetrics } from "./worker-metrics.js";

export interface WorkerOptions {
  /** The id of this replica: what `worker_id` says of the chats that it runs. */
  readonly workerId: string;
  readonly chats: Chats;
  readonly bus: Bus;
  readonly turn: Omit<TurnDeps, "chats" | "clock" | "logger">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Says that this replica lives, and how many turns it has at work. */
  readonly beat: (load: { readonly turns: number }) => Promise<void>;
  /** All replicas, as the directory has them. */
  readonly readReplicas: () => Promise<readonly SeenReplica[]>;
  /** Drops what is outdated; called now and then. */
  readonly tidy: () => Promise<void>;
  readonly leaseMs: number;
  /** How often to beat, and to look which other replicas do. */
  readonly heartbeatMs: number;
  /** How often to look for work that no notification told about. */
  readonly pollMs: number;
  /** How often running steps are checkpointed: what a crash may lose of them. */
  readonly checkpointMs: number;
  /** New turns are acquired while fewer than this are at work. Those that wait for their next attempt do not count. */
  readonly capacity: number;
}

/** The first pause after work could not be acquired; it doubles up to `pollMs`. */
const minRetryMs = 250;
/** How long after the last news of work to look once more: a chat that somebody held was skipped, and nobody need say that it is free. */
const lookAgainMs = 1_000;
const tidyEveryMs = 60 * 60 * 1_000;

interface RunningTurn {
  readonly lease: Lease;
  readonly control: TurnControl;
  readonly watch: Disposable;
  /** Resolves when the turn has ended; never rejects. */
  readonly ended: Promise<void>;
}

/**
 * Acquires chats and runs their turns. Five loops, owned by this object and awaited by {@link stop}: one beats, one looks who else does, one
 * acquires, one looks for what no notification told, one checkpoints running steps.
 *
 * Work goes to whoever has room. What a client of this replica leaves to be run becomes this worker's with the same commit ({@link reserve}),
 * unless there may be older work, or it runs more than the others do already. Of all other work all workers hear at once, and
 * the first to look has it, but one that runs much lets those that run less look first. Among chats, the one whose last message is the oldest
 * goes first, also when it was released or its owner died.
 *
 * A worker that could not beat for two thirds of the lease stops its turns before anyone else can have acquired them, measured with a
 * clock that never goes back, also while a beat hangs. What it may still write is refused by its lease epoch anyway; stopping saves the
 * model call. Chats that it gave up and still owns when it beats again are acquired anew.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #running = new Map<string, RunningTurn>();
  /** How turns ended, since the start. */
  readonly #ends: Record<TurnEnd, number> = { idle: 0, released: 0, cut: 0, lost: 0 };
  readonly #wakeup = new Wakeup();
  /**
   * What the next look for work is for, if anything: `abandoned` are also chats whose owner has died, or that this worker has given up, and
   * that goes through all that run.
   */
  #lookFor: "nothing" | "unowned" | "abandoned" = "abandoned";
  /** While it looks, it cannot tell what it has not heard of from what it does not run. */
  #looking = false;
  /** The chats for which there is a place, until it is known whether it is needed. */
  readonly #places = new Set<{ readonly chatId: string }>();
  readonly #placeLeft = new Wakeup();
  readonly #others: ReplicaWatch;
  readonly #metrics: WorkerMetrics;
  /** Aborts when nothing more is acquired. What runs may go on. */
  readonly #draining = new AbortController();
  /** Aborts when nothing runs any more, or when there is no time left. */
  readonly #stopped = new AbortController();
  readonly #checkpoints: CheckpointWriter;
  /** Fires when the last beat is too old. */
  #watchdog: Disposable | undefined;
  #lookingAgain: Disposable | undefined;
  /** The last beat is not too old. */
  #beating = false;
  #lastBeatMs: number;
  #acquiring: Promise<unknown> = Promise.resolve();
  #keeping: Promise<unknown> = Promise.resolve();

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { workerId: selfId, leaseMs, clock } = options;
    this.#lastBeatMs = clock.monotonicMs();
    this.#metrics = new WorkerMetrics(options.metrics, {
      busy: () => this.#busy(),
      waiting: () => this.#running.size - this.#runningAtWork(),
      capacity: options.capacity,
      heartbeatAgeMs: () => clock.monotonicMs() - this.#lastBeatMs,
    });
    this.#others = new ReplicaWatch({
      selfId,
      leaseMs,
      clock,
      onLapse: () => {
        this.#mayFind("abandoned");
        this.#workToDo();
      },
    });
    this.#checkpoints = new CheckpointWriter({
      episodes: options.turn.deltaLog,
      leaseEpochOf: (chatId) => this.#running.get(chatId)?.lease.fence.leaseEpoch,
      append: (chunks) => options.chats.checkpoint(options.workerId, chunks),
      logger: options.logger,
    });
  }

  /** Resolves when the first heartbeat is written: from then on acquired chats are ours. */
  async start(): Promise<void> {
    await this.#beat();
    this.#acquiring = Promise.all([this.#acquireLoop(), this.#watchLoop(), this.#pollLoop()]);
    this.#keeping = Promise.all([this.#beatLoop(), this.#checkpointLoop()]);
  }

  /**
   * Stops acquiring, hands over what runs, and resolves when all of it has ended. Turns that wait are released at once. A running step may
   * end within `drainMs`, and its turn is finished or released then; what runs still is handed over in the middle. Half of `graceMs`, at
   * least, is left for that. What cannot be handed over within `graceMs`, because the database does not answer, is given up: its lease
   * runs out.
   */
  async stop({ drainMs, graceMs }: { drainMs: number; graceMs: number }): Promise<void> {
    const { clock, logger } = this.#options;
    const beganMs = clock.monotonicMs();
    const before = { ...this.#ends };
    const stepsMs = Math.min(drainMs, graceMs / 2);
    this.#draining.abort();
    using _drain = clock.timer(stepsMs, () => this.#controlAll((control) => control.shutdown()));
    using _grace = clock.timer(graceMs, () => {
      this.#controlAll((control) => control.lose());
      this.#stopped.abort();
    });
    // What is released while it is being looked for would come back.
    await this.#acquiring;
    while (this.#places.size > 0 && !this.#stopped.signal.aborted)
      await this.#placeLeft.wait(this.#stopped.signal);
    if (stepsMs > 0) this.#controlAll((control) => control.drain());
    await Promise.all([...this.#running.values()].map((turn) => turn.ended));
    this.#stopped.abort();
    await this.#keeping;
    this.#others[Symbol.dispose]();
    this.#watchdog?.[Symbol.dispose]();
    this.#lookingAgain?.[Symbol.dispose]();
    const { idle, released, cut, lost } = this.#ends;
    logger.info(
      {
        took_ms: Math.round(clock.monotonicMs() - beganMs),
        finished: idle - before.idle,
        released: released - before.released,
        cut: cut - before.cut,
        lost: lost - before.lost,
      },
      "all turns are finished or handed over",
    );
  }

  async #beatLoop(): Promise<void> {
    const { heartbeatMs, logger } = this.#options;
    while (await this.#pause(heartbeatMs, this.#stopped)) {
      try {
        await this.#beat();
      } catch (error) {
        logger.warn({ err: error }, "the heartbeat could not be written");
      }
    }
  }

  /** The time counts from before the write: what the database says of us is never older than we think. */
  async #beat(): Promise<void> {
    const { beat, clock, leaseMs } = this.#options;
    const beganMs = clock.monotonicMs();
    await beat({ turns: this.#busy() });
    this.#lastBeatMs = beganMs;
    this.#watchdog?.[Symbol.dispose]();
    const leftMs = (leaseMs * 2) / 3 - (clock.monotonicMs() - beganMs);
    // A beat that was so long on its way proves nothing.
    if (leftMs <= 0) return this.#beatTooOld();
    this.#watchdog = clock.timer(leftMs, () => this.#beatTooOld());
    if (this.#beating) return;
    this.#beating = true;
    this.#lookEverywhere();
  }

  #beatTooOld(): void {
    this.#beating = false;
    if (this.#running.size === 0) return;
    const { logger } = this.#options;
    logger.error({ turns: this.#running.size }, "no heartbeat for too long: all turns are given up");
    this.#controlAll((control) => control.lose());
  }

  #controlAll(act: (control: TurnControl) => void): void {
    for (const { control } of this.#running.values()) act(control);
  }

  /** How many turns are at work, or about to be. */
  #busy(): number {
    return this.#runningAtWork() + this.#places.size;
  }

  /** The others wait for something outside. */
  #runningAtWork(): number {
    return [...this.#running.values()].filter(({ control }) => !control.waiting).length;
  }

  /** Beside the beat, which must not wait for it. */
  async #watchLoop(): Promise<void> {
    const { readReplicas, heartbeatMs, logger } = this.#options;
    do {
      try {
        this.#others.see(await readReplicas());
      } catch (error) {
        logger.warn({ err: error }, "the other replicas could not be looked up");
      }
    } while (await this.#pause(heartbeatMs, this.#draining));
  }

  async #acquireLoop(): Promise<void> {
    const { bus, logger, pollMs } = this.#options;
    using _watch = bus.watchRunnable(() => this.#workToDo());
    let failures = 0;
    while (!this.#draining.signal.aborted) {
      try {
        await this.#acquireAll();
        failures = 0;
        await this.#wakeup.wait(this.#draining.signal);
      } catch (error) {
        logger.warn({ err: error }, "no work could be acquired");
        await this.#pause(Math.min(pollMs, minRetryMs * 2 ** failures), this.#draining);
        failures += 1;
      }
    }
  }

  /** Whether what this worker acquires is its own: not while the last beat is too old, since others may take it over at any moment. */
  #owns(): boolean {
    return this.#beating;
  }

  /**
   * A place for a chat that a client of this replica is about to leave to be run, if this worker takes it unasked: not before what is older, nor
   * when it has more to do than others.
   */
  reserve(chatId: string): Place | undefined {
    const isReady = this.#owns() && !this.#looking && this.#lookFor === "nothing";
    if (!isReady || this.#draining.signal.aborted || !takesUnasked(this.#load())) return undefined;
    const place = { chatId };
    this.#places.add(place);
    const leave = (): boolean => {
      const wasThere = this.#places.delete(place);
      if (wasThere) this.#placeLeft.notify();
      return wasThere;
    };
    return {
      workerId: this.#options.workerId,
      readHistory: () => this.#options.turn.readHistory(chatId),
      run: (acquired) => {
        leave();
        // Otherwise it is ours still, and is acquired anew with the next beat.
        if (this.#owns()) this.#runAcquired(acquired);
      },
      [Symbol.dispose]: () => {
        if (leave()) this.#lookEverywhere();
      },
    };
  }

  /** There may be something to acquire. */
  #workToDo(): void {
    this.#mayFind("unowned");
    this.#wakeup.notify();
    this.#lookingAgain?.[Symbol.dispose]();
    this.#lookingAgain = this.#options.clock.timer(lookAgainMs, () => this.#lookEverywhere());
  }

  #mayFind(what: "unowned" | "abandoned"): void {
    if (this.#lookFor !== "abandoned") this.#lookFor = what;
  }

  #lookEverywhere(): void {
    this.#mayFind("abandoned");
    this.#wakeup.notify();
  }

  async #acquireAll(): Promise<void> {
    while (this.#lookFor !== "nothing") {
      const waitMs = giveWayMs(this.#load());
      if (waitMs > 0) await this.#pause(waitMs, this.#draining);
      if (this.#draining.signal.aborted) return;
      const limit = this.#owns() ? chatsToAskFor(this.#load()) : 0;
      if (limit === 0) return;
      const lookFor = this.#lookFor;
      this.#lookFor = "nothing";
      this.#looking = true;
      try {
        if ((await this.#acquireFound(lookFor, limit)) === limit) this.#mayFind(lookFor);
      } catch (error) {
        // What it acquired, if the answer alone was lost, is ours already.
        this.#mayFind("abandoned");
        throw error;
      } finally {
        this.#looking = false;
      }
    }
  }

  /** Returns how many there were. */
  async #acquireFound(lookFor: "unowned" | "abandoned", limit: number): Promise<number> {
    const { chats, workerId } = this.#options;
    const own = [...this.#running.keys(), ...[...this.#places].map(({ chatId }) => chatId)];
    const acquired = await chats.acquire(workerId, limit, own, { unownedOnly: lookFor === "unowned" });
    // The answer took so long that others may have them by now. Otherwise they are ours still, and are acquired anew with the next beat.
    if (!this.#owns()) return 0;
    for (const each of acquired) this.#runAcquired(each);
    return acquired.length;
  }

  #runAcquired(acquired: Acquired): void {
    const { workerId } = this.#options;
    this.#metrics.acquired(acquired);
    const { chat, state, begun, history } = acquired;
    if (state === undefined) return;
    this.#run({ chatId: chat.id, fence: { workerId, leaseEpoch: state.leaseEpoch }, state, begun, history });
  }

  #load(): Load {
    const { capacity } = this.#options;
    const { withRoom: othersWithRoom, use: othersUse } = this.#others;
    return { capacity, busy: this.#busy(), othersWithRoom, othersUse };
  }

  #run(lease: Lease): void {
    const { bus, logger, clock, turn } = this.#options;
    const { chats: all } = this.#options;
    const older = this.#running.get(lease.chatId);
    // Answers to two commits may come in another order than the commits.
    if (older !== undefined && older.lease.fence.leaseEpoch > lease.fence.leaseEpoch) return;
    const steps = new StepCounts({ chats: all, metrics: this.#metrics, clock, begun: lease.begun });
    const { chats } = steps;
    const pause = (ms: number): Promise<boolean> => this.#pause(ms, this.#stopped);
    // An older turn of this chat can only be one that has lost it and has not noticed yet.
    older?.control.lose();
    const control = new TurnControl(() => this.#wakeup.notify());
    const watch = bus.watchChat(lease.chatId, (notification) => this.#noticed(lease, control, notification));
    const ended = runTurn({ ...turn, chats, clock, logger }, lease, control)
      .catch(async (error: unknown): Promise<TurnEnd> => {
        // Nothing may be written any more; whoever owns the chat next goes on.
        if (control.cause === "lost") return "lost";
        logger.error({ err: error, chat_id: lease.chatId }, "a turn broke off");
        await giveUpTurn({ chats, logger, pause }, lease);
        return "idle";
      })
      .then((end) => {
        this.#ends[end] += 1;
        this.#metrics.ended(end);
        steps[Symbol.dispose]();
        watch[Symbol.dispose]();
        if (this.#running.get(lease.chatId)?.control === control) this.#running.delete(lease.chatId);
        // It may be ours under a newer lease, the answer to which got lost.
        if (end === "lost") this.#lookEverywhere();
        this.#wakeup.notify();
      });
    this.#running.set(lease.chatId, { lease, control, watch, ended });
    if (this.#draining.signal.aborted) control.drain();
    if (this.#stopped.signal.aborted) control.lose();
  }

  /** A notification is a hint: only one that may matter makes us look, and only what the database says counts (BUS-4). */
  #noticed(lease: Lease, control: TurnControl, notification: ChatNotification | undefined): void {
    const status = notification?.status;
    if (status?.status === ChatStatus.RUNNING && status.workerId === lease.fence.workerId) return;
    // What its own last commit says, it knows before this turn of the event loop ends.
    atEndOfTurn(() => {
      if (this.#running.get(lease.chatId)?.control === control) void this.#check(lease, control);
    });
  }

  async #check(lease: Lease, control: TurnControl): Promise<void> {
    const { chats, logger } = this.#options;
    try {
      const state = await chats.readState(lease.chatId);
      const { phase, leaseEpoch, versions } = state ?? {};
      if (leaseEpoch !== lease.fence.leaseEpoch) return control.lose();
      if (phase?.status === "interrupting") return control.interrupt(versions?.snapshot ?? 0);
      if (phase?.status !== "running" || phase.owner?.workerId !== lease.fence.workerId) control.lose();
    } catch (error) {
      logger.warn({ err: error, chat_id: lease.chatId }, "a running chat could not be checked");
    }
  }

  /** What notifications may have failed to tell: work, deadlines. What becomes of running chats the bus finds out by itself. */
  async #pollLoop(): Promise<void> {
    const { pollMs, chats, clock, logger, tidy } = this.#options;
    let tidiedMs = clock.monotonicMs() - tidyEveryMs;
    while (await this.#pause(pollMs, this.#draining)) {
      this.#lookEverywhere();
      try {
        await chats.expireActions(100);
        if (clock.monotonicMs() - tidiedMs >= tidyEveryMs) {
          tidiedMs = clock.monotonicMs();
          await tidy();
        }
      } catch (error) {
        logger.warn({ err: error }, "the regular check failed");
      }
    }
  }

  async #checkpointLoop(): Promise<void> {
    while (await this.#pause(this.#options.checkpointMs, this.#stopped)) await this.#checkpoints.write();
  }

  /** False when `until` aborts before the time has passed. */
  async #pause(ms: number, until: AbortController): Promise<boolean> {
    return this.#options.clock.sleep(ms, { signal: until.signal }).then(
      () => true,
      () => false,
    );
  }
}
