import { create } from "@bufbuild/protobuf";
import {
  type Episode,
  EpisodeSchema,
  type MessagePartEvent,
  type StreamEvent,
} from "../gen/palaver/chat/v1/event_pb.js";
import { type Delta, DeltaRun } from "./delta-run.js";
import type { EpisodeId } from "./episode.js";
import { sizeOfPart } from "./event-size.js";
import { fragmentText } from "./fragment.js";

/** How an episode ended: what it showed was committed (as a step or as the partial of an interrupt), or is void. */
export type EpisodeOutcome = "committed" | "discarded";

export type EpisodeLogState =
  | { readonly type: "open" }
  | { readonly type: "closed"; readonly outcome: EpisodeOutcome };

/** The deltas of one episode, for any number of readers. Grows until it is closed; forgotten some time after. */
export interface EpisodeLog {
  readonly episode: EpisodeId;
  readonly state: EpisodeLogState;
  readonly lastSeq: number;
  /**
   * What all deltas weigh, for bounds: their text in UTF-16 units, a little for each of them, and more where a block begins or goes on after
   * another. Grows only.
   */
  readonly weight: number;
  /** What the deltas after this one weigh. */
  weightAfter(seq: number): number;
  /**
   * What follows delta `afterSeq`: `message_part` events, adjacent deltas of a block merged, up to about `maxLength` UTF-16 units but at
   * least one event if there is any. Readers at the same position get the same objects: nobody changes them. Undefined when it cannot
   * be told: the log is forgotten, or ended before a delta of that number. While it is open, that one may still come: a log that mirrors
   * another replica's may be behind a reader who comes from there.
   */
  read(afterSeq: number, maxLength?: number): readonly StreamEvent[] | undefined;
  /**
   * How long the text of each delta is in an event that was just read, in UTF-16 units, for whoever makes the same log of it elsewhere. Empty
   * for a part that stands alone.
   */
  lengths(firstSeq: number, lastSeq: number): readonly number[];
  /** The same as {@link read} without bound, for whoever stores it; empty when it cannot be told. */
  suffixAfter(seq: number): EpisodeSuffix;
  /** Calls `listener` after each append and after the close. It must not throw and must not block. */
  onChange(listener: () => void): Disposable;
}

/** What an episode holds after a position. */
export interface EpisodeSuffix {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly deltas: readonly MergedDelta[];
}

/** Adjacent deltas of one block, joined. */
export interface MergedDelta extends Delta {
  readonly firstSeq: number;
  readonly seq: number;
}

/** The one who writes an episode: the worker that holds the chat. */
export interface EpisodeWriter {
  readonly lastSeq: number;
  /** See {@link EpisodeLog.weight}. */
  readonly weight: number;
  /** Adds a delta and returns its seq. Throws when the episode is closed: nobody would see it. */
  append(delta: Delta): number;
  /**
   * Ends the episode. "committed" only after the commit of what was appended, and right after it: subscribers hold the committed
   * messages back until they hear this. Closing again does nothing.
   */
  close(outcome: EpisodeOutcome): void;
}

/** What an event takes beside its text, so that many small ones end a read as well. */
const eventOverhead = 16;
/** The text of one event, so that responses stay small. */
const maxEventLength = 256 * 1024;

const noEvents: readonly StreamEvent[] = [];

/** See {@link EpisodeLog} and {@link EpisodeWriter}. */
export class GrowingEpisode implements EpisodeLog, EpisodeWriter {
  readonly episode: EpisodeId;
  readonly #message: Episode;
  readonly #onClose: () => void;
  readonly #listeners = new Set<() => void>();
  #runs: DeltaRun[] | undefined = [];
  /** What was there before each run. */
  #weightsBefore: number[] = [];
  #lastSeq = 0;
  #weight = 0;
  #state: EpisodeLogState = { type: "open" };
  /** What was read last: most readers are at the same position. */
  #lastRead:
    | {
        readonly afterSeq: number;
        readonly maxLength: number;
        readonly lastSeq: number;
        readonly events: readonly StreamEvent[];
      }
    | undefined;

  constructor(episode: EpisodeId, onClose: () => void) {
    const { historyVersion, generationAttempt } = episode;
    this.episode = episode;
    this.#message = create(EpisodeSchema, { historyVersion: BigInt(historyVersion), generationAttempt });
    this.#onClose = onClose;
  }

  get state(): EpisodeLogState {
    return this.#state;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  get weight(): number {
    return this.#weight;
  }

  append(delta: Delta): number {
    if (this.#state.type === "closed" || this.#runs === undefined)
      throw new Error("a delta was appended to a closed episode");
    this.#lastSeq += 1;
    let run = this.#runs.at(-1);
    if (run?.join(delta) !== true) {
      run = new DeltaRun(this.#lastSeq, delta);
      this.#runs.push(run);
      this.#weightsBefore.push(this.#weight);
    }
    this.#weight = (this.#weightsBefore.at(-1) ?? 0) + run.weight;
    this.#changed();
    return this.#lastSeq;
  }

  close(outcome: EpisodeOutcome): void {
    if (this.#state.type === "closed") return;
    this.#state = { type: "closed", outcome };
    this.#onClose();
    this.#changed();
    this.#listeners.clear();
  }

  /** Frees what it holds. Whoever still reads it is told that it is gone. */
  forget(): void {
    this.#runs = undefined;
    this.#weightsBefore = [];
    this.#lastRead = undefined;
  }

  read(afterSeq: number, maxLength = Number.POSITIVE_INFINITY): readonly StreamEvent[] | undefined {
    const runs = this.#runs;
    const lastSeq = this.#lastSeq;
    if (afterSeq === lastSeq) return noEvents;
    if (runs === undefined) return undefined;
    if (afterSeq > lastSeq) return this.#state.type === "open" ? [] : undefined;
    const last = this.#lastRead;
    if (last?.afterSeq === afterSeq && last.maxLength === maxLength && last.lastSeq === lastSeq)
      return last.events;
    const events: StreamEvent[] = [];
    let seq = afterSeq;
    let left = maxLength;
    for (let index = runIndexAfter(runs, afterSeq); seq < lastSeq && left > 0; ) {
      const run = runs[index];
      if (run === undefined) break;
      const event = run.eventAfter(seq, Math.min(left, maxEventLength), this.#message);
      events.push(event);
      const part = event.event.value as MessagePartEvent;
      seq = Number(part.seq);
      if (part.part !== undefined) left -= fragmentText(part.part)?.length ?? sizeOfPart(part.part);
      left -= eventOverhead;
      if (seq >= run.lastSeq) index += 1;
    }
    if (seq === lastSeq) this.#lastRead = { afterSeq, maxLength, lastSeq, events };
    return events;
  }

  weightAfter(seq: number): number {
    if (this.#runs === undefined || seq >= this.#lastSeq) return 0;
    const index = runIndexAfter(this.#runs, seq);
    const before = (this.#weightsBefore[index] ?? 0) + (this.#runs[index]?.weightThrough(seq) ?? 0);
    return this.#weight - before;
  }

  lengths(firstSeq: number, lastSeq: number): readonly number[] {
    const runs = this.#runs ?? [];
    return runs[runIndexAfter(runs, firstSeq - 1)]?.lengths(firstSeq, lastSeq) ?? [];
  }

  suffixAfter(seq: number): EpisodeSuffix {
    const deltas = (this.read(seq) ?? []).flatMap(({ event }): MergedDelta[] => {
      if (event.case !== "messagePart" || event.value.part === undefined) return [];
      const { firstSeq, seq: last, role, block, part } = event.value;
      return [{ firstSeq: Number(firstSeq), seq: Number(last), role, block, part }];
    });
    return { firstSeq: seq + 1, lastSeq: deltas.at(-1)?.seq ?? seq, deltas };
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

/** The first run that has deltas after `seq`: the last ones are asked for most often. */
function runIndexAfter(runs: readonly DeltaRun[], seq: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((runs[middle]?.lastSeq ?? 0) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
