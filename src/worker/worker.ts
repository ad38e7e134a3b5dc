import { type Lease, runTurn, TurnControl, type TurnDeps } from "../agent/index.js";
import type { Bus } from "../bus/index.js";
import type { Chats } from "../chat/index.js";
import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { ChatNotification } from "../gen/palaver/relay/v1/notification_pb.js";
import { type Clock, type Logger, Wakeup } from "../platform/index.js";
import { CheckpointWriter } from "./checkpoint-writer.js";

export interface WorkerOptions {
  /** The id of this replica: what `worker_id` says of the chats that it runs. */
  readonly workerId: string;
  readonly chats: Chats;
  readonly bus: Bus;
  readonly turn: Omit<TurnDeps, "chats" | "clock" | "logger">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Says that this replica lives. */
  readonly beat: () => Promise<void>;
  /** Drops what is outdated; called now and then. */
  readonly tidy: () => Promise<void>;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  /** How often to look for work and for changes that no notification told about. */
  readonly pollMs: number;
  /** How often running steps are checkpointed: what a crash may lose of them. */
  readonly checkpointMs: number;
  /** New turns are acquired while fewer than this are at work. Those that wait for their next attempt do not count. */
  readonly capacity: number;
}

/** How many chats are acquired in one transaction. */
const acquireBatch = 10;
const tidyEveryMs = 60 * 60 * 1_000;

interface RunningTurn {
  readonly lease: Lease;
  readonly control: TurnControl;
  readonly watch: Disposable;
  /** Resolves when the turn has ended; never rejects. */
  readonly ended: Promise<void>;
}

/**
 * Acquires chats and runs their turns. Four loops, owned by this object and awaited by {@link stop}: one beats, one acquires, one looks
 * for what no notification told, one checkpoints running steps.
 *
 * A worker that could not beat for two thirds of the lease stops its turns before anyone else can have acquired them, measured with a
 * clock that never goes back, also while a beat hangs. What it may still write is refused by its lease epoch anyway; stopping saves the
 * model call. Chats that it gave up and still owns when it beats again are acquired anew.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #running = new Map<string, RunningTurn>();
  readonly #wakeup = new Wakeup();
  readonly #stopping = new AbortController();
  readonly #checkpoints: CheckpointWriter;
  /** Fires when the last beat is too old. */
  #watchdog: Disposable | undefined;
  /** Whether what we acquire is ours: not while the last beat is too old, since others may take it over at any moment. */
  #beating = false;
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: WorkerOptions) {
    this.#options = options;
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
    this.#loops = Promise.all([
      this.#beatLoop(),
      this.#acquireLoop(),
      this.#pollLoop(),
      this.#checkpointLoop(),
    ]);
  }

  /**
   * Stops acquiring, hands over the running turns, and resolves when all of them have ended. Those that cannot be handed over within
   * `graceMs`, because the database does not answer, are given up: their lease runs out.
   */
  async stop({ graceMs }: { graceMs: number }): Promise<void> {
    this.#stopping.abort();
    this.#wakeup.notify();
    for (const { control } of this.#running.values()) control.shutdown();
    using _grace = this.#options.clock.timer(graceMs, () => this.#loseAll());
    await this.#loops;
    await Promise.all([...this.#running.values()].map((turn) => turn.ended));
    this.#watchdog?.[Symbol.dispose]();
  }

  async #beatLoop(): Promise<void> {
    const { heartbeatMs, logger } = this.#options;
    while (await this.#pause(heartbeatMs)) {
      try {
        await this.#beat();
      } catch (error) {
        logger.warn({ err: error }, "the heartbeat could not be written");
      }
    }
  }

  /** The time counts from before the write: what the database says of us is never older than we think. */
  async #beat(): Promise<void> {
    const { beat, clock, leaseMs, logger } = this.#options;
    const beganMs = clock.monotonicMs();
    await beat();
    this.#watchdog?.[Symbol.dispose]();
    const leftMs = Math.max(0, (leaseMs * 2) / 3 - (clock.monotonicMs() - beganMs));
    this.#watchdog = clock.timer(leftMs, () => {
      this.#beating = false;
      if (this.#running.size === 0) return;
      logger.error({ turns: this.#running.size }, "no heartbeat for too long: all turns are given up");
      this.#loseAll();
    });
    if (this.#beating) return;
    this.#beating = true;
    this.#wakeup.notify();
  }

  #loseAll(): void {
    for (const { control } of this.#running.values()) control.lose();
  }

  async #acquireLoop(): Promise<void> {
    const { bus, logger } = this.#options;
    using _watch = bus.watchRunnable(() => this.#wakeup.notify());
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#acquireAll();
      } catch (error) {
        logger.warn({ err: error }, "no work could be acquired");
      }
      await this.#wakeup.wait(signal);
    }
  }

  async #acquireAll(): Promise<void> {
    const { chats, workerId, capacity } = this.#options;
    while (this.#beating && !this.#stopping.signal.aborted) {
      const busy = [...this.#running.values()].filter(({ control }) => !control.waiting).length;
      const free = capacity - busy;
      if (free <= 0) return;
      const acquired = await chats.acquire(workerId, Math.min(free, acquireBatch), [...this.#running.keys()]);
      for (const { chat, state } of acquired) {
        if (state === undefined) continue;
        this.#run({ chatId: chat.id, fence: { workerId, leaseEpoch: state.leaseEpoch }, state });
      }
      if (acquired.length === 0) return;
    }
  }

  #run(lease: Lease): void {
    const { bus, logger, clock, chats, turn } = this.#options;
    // An older turn of this chat can only be one that has lost it and has not noticed yet.
    this.#running.get(lease.chatId)?.control.lose();
    const control = new TurnControl(() => this.#wakeup.notify());
    const watch = bus.watchChat(lease.chatId, (notification) => this.#noticed(lease, control, notification));
    const ended = runTurn({ ...turn, chats, clock, logger }, lease, control)
      .catch((error: unknown) => {
        // Nothing may be written any more; whoever owns the chat next goes on.
        if (control.cause === "lost") return;
        logger.error({ err: error, chat_id: lease.chatId }, "a turn broke off");
        return this.#giveUp(lease);
      })
      .then(() => {
        watch[Symbol.dispose]();
        if (this.#running.get(lease.chatId)?.control === control) this.#running.delete(lease.chatId);
        this.#wakeup.notify();
      });
    this.#running.set(lease.chatId, { lease, control, watch, ended });
    if (this.#stopping.signal.aborted) control.shutdown();
  }

  /**
   * A turn that broke off for no reason that we know ends in ERROR: to release it would run it into the same wall again, to keep it
   * would leave it stuck. Tries until the database takes it.
   */
  async #giveUp(lease: Lease): Promise<void> {
    const { chats, logger } = this.#options;
    const error = { message: "The server failed while it ran this turn.", kind: "generic" as const };
    for (let failures = 0; ; failures += 1) {
      try {
        const state = await chats.readState(lease.chatId, { withDeltas: true });
        if (state === undefined) return;
        const attempt = {
          historyVersion: state.versions.history,
          generationAttempt: state.generationAttempt,
        };
        const outcome = await chats.work(lease.chatId, { type: "Fail", fence: lease.fence, attempt, error });
        if (!("refused" in outcome)) return;
        if (outcome.refused !== "INTERRUPT_REQUESTED") return;
        await chats.work(lease.chatId, {
          type: "FinishInterrupt",
          fence: lease.fence,
          partial: state.checkpoint,
        });
        return;
      } catch (failure) {
        logger.warn({ err: failure, chat_id: lease.chatId }, "a broken turn could not be given up yet");
        if (!(await this.#pause(Math.min(10_000, 100 * 2 ** failures)))) return;
      }
    }
  }

  /** A notification is a hint: only one that may matter makes us look, and only what the database says counts (BUS-4). */
  #noticed(lease: Lease, control: TurnControl, { status }: ChatNotification): void {
    if (status?.status === ChatStatus.RUNNING && status.workerId === lease.fence.workerId) return;
    void this.#check(lease, control);
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

  /** What notifications may have failed to tell: work, interrupts, deadlines. */
  async #pollLoop(): Promise<void> {
    const { pollMs, chats, clock, logger, tidy } = this.#options;
    let tidiedMs = clock.monotonicMs() - tidyEveryMs;
    while (await this.#pause(pollMs)) {
      this.#wakeup.notify();
      try {
        await chats.expireActions(100);
        for (const { lease, control } of [...this.#running.values()]) await this.#check(lease, control);
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
    while (await this.#pause(this.#options.checkpointMs)) await this.#checkpoints.write();
  }

  /** False when the worker stops. */
  async #pause(ms: number): Promise<boolean> {
    const { signal } = this.#stopping;
    return this.#options.clock.sleep(ms, { signal }).then(
      () => true,
      () => false,
    );
  }
}
