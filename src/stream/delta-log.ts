import type { Clock } from "../platform/index.js";
import { type EpisodeLog, type EpisodeWriter, GrowingEpisode } from "./episode-log.js";
import { compareEpisodes, type EpisodeId } from "./episode.js";

/** Where subscribers find the episodes of a chat. */
export interface EpisodeSource {
  /** The episode that is open, if there is one. */
  current(chatId: string): EpisodeLog | undefined;
  /** This episode, open or committed, while its deltas are held. */
  find(chatId: string, episode: EpisodeId): EpisodeLog | undefined;
  /** Calls `listener` with each episode of that chat as it opens, until disposed. It must not throw and must not block. */
  watch(chatId: string, listener: (log: EpisodeLog) => void): Disposable;
}

export interface DeltaLogOptions {
  readonly clock: Clock;
  /** How long a committed episode can still be resumed. Default: 30 s. */
  readonly graceMs?: number | undefined;
  /** What all committed episodes together may weigh, see {@link EpisodeLog.weight}; the oldest go first. Default: 64 Mi. */
  readonly maxCommittedWeight?: number | undefined;
}

interface Held {
  readonly chatId: string;
  readonly log: GrowingEpisode;
  readonly untilMs: number;
}

/**
 * What the turns of this replica are generating: one open episode per running chat, in memory. What a single episode may hold is bounded
 * where it is generated. A committed episode stays for a grace period, so that whoever lost the connection in its last moments can
 * resume exactly; a discarded one is forgotten at once.
 */
export class DeltaLog implements EpisodeSource, Disposable {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #maxCommittedWeight: number;
  readonly #open = new Map<string, GrowingEpisode>();
  readonly #watchers = new Map<string, Set<(log: EpisodeLog) => void>>();
  /** Committed episodes, oldest first: all that a chat has by its id, and all in order of their end. */
  readonly #committed = new Map<string, readonly GrowingEpisode[]>();
  readonly #held: Held[] = [];
  #committedWeight = 0;
  #timer: Disposable | undefined;

  constructor({ clock, graceMs = 30_000, maxCommittedWeight = 64 * 1024 * 1024 }: DeltaLogOptions) {
    this.#clock = clock;
    this.#graceMs = graceMs;
    this.#maxCommittedWeight = maxCommittedWeight;
  }

  /**
   * Begins an episode, after the attempt was recorded in the database. An episode of that chat that is still open is closed as
   * discarded: its writer has lost the chat.
   */
  open(chatId: string, episode: EpisodeId): EpisodeWriter {
    this.#open.get(chatId)?.close("discarded");
    const log = new GrowingEpisode(episode, () => this.#closed(chatId, log));
    this.#open.set(chatId, log);
    for (const listener of this.#watchers.get(chatId) ?? []) listener(log);
    return log;
  }

  /** The open episodes of this replica. */
  *openEpisodes(): Iterable<{ readonly chatId: string; readonly log: EpisodeLog }> {
    for (const [chatId, log] of this.#open) yield { chatId, log };
  }

  current(chatId: string): EpisodeLog | undefined {
    return this.#open.get(chatId);
  }

  find(chatId: string, episode: EpisodeId): EpisodeLog | undefined {
    const open = this.#open.get(chatId);
    const all = [...(open === undefined ? [] : [open]), ...(this.#committed.get(chatId) ?? [])];
    return all.find((log) => compareEpisodes(log.episode, episode) === 0);
  }

  watch(chatId: string, listener: (log: EpisodeLog) => void): Disposable {
    const watchers = this.#watchers.get(chatId) ?? new Set();
    // A function of its own, so that the same listener may watch twice.
    const watcher = (log: EpisodeLog): void => listener(log);
    this.#watchers.set(chatId, watchers.add(watcher));
    return {
      [Symbol.dispose]: () => {
        watchers.delete(watcher);
        if (watchers.size === 0 && this.#watchers.get(chatId) === watchers) this.#watchers.delete(chatId);
      },
    };
  }

  /** Forgets everything that is committed. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    while (this.#held.length > 0) this.#forgetOldest();
  }

  #closed(chatId: string, log: GrowingEpisode): void {
    if (this.#open.get(chatId) === log) this.#open.delete(chatId);
    const { state } = log;
    if (state.type !== "closed" || state.outcome === "discarded" || log.lastSeq === 0) return log.forget();
    this.#held.push({ chatId, log, untilMs: this.#clock.monotonicMs() + this.#graceMs });
    this.#committed.set(chatId, [...(this.#committed.get(chatId) ?? []), log]);
    this.#committedWeight += log.weight;
    while (this.#committedWeight > this.#maxCommittedWeight) this.#forgetOldest();
    this.#arm();
  }

  #forgetOldest(): void {
    const oldest = this.#held.shift();
    if (oldest === undefined) return;
    const { chatId, log } = oldest;
    this.#committedWeight -= log.weight;
    log.forget();
    const others = (this.#committed.get(chatId) ?? []).filter((other) => other !== log);
    if (others.length > 0) this.#committed.set(chatId, others);
    else this.#committed.delete(chatId);
  }

  #arm(): void {
    const [oldest] = this.#held;
    if (this.#timer !== undefined || oldest === undefined) return;
    const waitMs = Math.max(0, oldest.untilMs - this.#clock.monotonicMs());
    this.#timer = this.#clock.timer(waitMs, () => {
      this.#timer = undefined;
      const nowMs = this.#clock.monotonicMs();
      while ((this.#held[0]?.untilMs ?? Number.POSITIVE_INFINITY) <= nowMs) this.#forgetOldest();
      this.#arm();
    });
  }
}
