import { create } from "@bufbuild/protobuf";
import { EpisodeSchema, type StreamEvent, StreamEventSchema } from "../gen/palaver/chat/v1/event_pb.js";
import type { Part, Role } from "../gen/palaver/chat/v1/message_pb.js";
import type { EpisodeId } from "./episode.js";

/** How an episode ended: what it showed was committed (as a step or as the partial of an interrupt), or is void. */
export type EpisodeOutcome = "committed" | "discarded";

export type EpisodeLogState =
  | { readonly type: "open" }
  | { readonly type: "closed"; readonly outcome: EpisodeOutcome };

/** A fragment as the worker hands it in. Strings are well-formed: code points are whole (STREAM-16). */
export interface Delta {
  readonly role: Role;
  /** The part of the message that it belongs to, numbered from 1 in the order in which the parts began. */
  readonly block: number;
  readonly part: Part;
}

/** The deltas of one episode, for any number of readers. Grows until it is closed; never changes otherwise. */
export interface EpisodeLog {
  readonly episode: EpisodeId;
  /** `message_part` events; the one with seq n stands at index n - 1. Shared by all readers: nobody changes them. */
  readonly deltas: readonly StreamEvent[];
  readonly state: EpisodeLogState;
  /** Calls `listener` after each append and after the close. It must not throw and must not block. */
  onChange(listener: () => void): Disposable;
}

/** The one who writes an episode: the worker that holds the chat. */
export interface EpisodeWriter {
  /** Adds a delta and returns its seq. Throws when the episode is closed: nobody would see it. */
  append(delta: Delta): number;
  /**
   * Ends the episode. "committed" only after the commit of what was appended, and right after it: subscribers hold the committed
   * messages back until they hear this. Closing again does nothing.
   */
  close(outcome: EpisodeOutcome): void;
}

/** Where subscribers find the episodes of a chat. */
export interface EpisodeSource {
  /** The episode that is open, if there is one. */
  current(chatId: string): EpisodeLog | undefined;
  /** Calls `listener` with each episode of that chat as it opens, until disposed. It must not throw and must not block. */
  watch(chatId: string, listener: (log: EpisodeLog) => void): Disposable;
}

/**
 * What the turns of this replica are generating: one open episode per running chat, in memory. A closed episode leaves the log at
 * once; readers that hold it drain it, and it is gone with the last of them.
 */
export class DeltaLog implements EpisodeSource {
  readonly #open = new Map<string, GrowingEpisode>();
  readonly #watchers = new Map<string, Set<(log: EpisodeLog) => void>>();

  /**
   * Begins an episode, after the attempt was recorded in the database. An episode of that chat that is still open is closed as
   * discarded: its writer has lost the chat.
   */
  open(chatId: string, episode: EpisodeId): EpisodeWriter {
    this.#open.get(chatId)?.close("discarded");
    const log = new GrowingEpisode(episode, () => {
      if (this.#open.get(chatId) === log) this.#open.delete(chatId);
    });
    this.#open.set(chatId, log);
    for (const listener of this.#watchers.get(chatId) ?? []) listener(log);
    return log;
  }

  current(chatId: string): EpisodeLog | undefined {
    return this.#open.get(chatId);
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
}

class GrowingEpisode implements EpisodeLog, EpisodeWriter {
  readonly episode: EpisodeId;
  readonly #message: ReturnType<typeof episodeMessage>;
  readonly #deltas: StreamEvent[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #onClose: () => void;
  #state: EpisodeLogState = { type: "open" };

  constructor(episode: EpisodeId, onClose: () => void) {
    this.episode = episode;
    this.#message = episodeMessage(episode);
    this.#onClose = onClose;
  }

  get deltas(): readonly StreamEvent[] {
    return this.#deltas;
  }

  get state(): EpisodeLogState {
    return this.#state;
  }

  append({ role, block, part }: Delta): number {
    if (this.#state.type === "closed") throw new Error("a delta was appended to a closed episode");
    const number = this.#deltas.length + 1;
    const seq = BigInt(number);
    // Built once for its whole life; every reader passes on this very object.
    const value = { episode: this.#message, firstSeq: seq, seq, role, part, block };
    this.#deltas.push(create(StreamEventSchema, { event: { case: "messagePart", value } }));
    this.#changed();
    return number;
  }

  close(outcome: EpisodeOutcome): void {
    if (this.#state.type === "closed") return;
    this.#state = { type: "closed", outcome };
    this.#onClose();
    this.#changed();
    this.#listeners.clear();
  }

  onChange(listener: () => void): Disposable {
    const own = (): void => listener();
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function episodeMessage({ historyVersion, generationAttempt }: EpisodeId) {
  return create(EpisodeSchema, { historyVersion: BigInt(historyVersion), generationAttempt });
}
