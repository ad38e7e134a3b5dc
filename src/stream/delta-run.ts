import type { Episode, StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { Part, Role } from "../gen/palaver/chat/v1/message_pb.js";
import { sizeOfPart } from "./event-size.js";
import { fragmentText, withFragmentText } from "./fragment.js";

/** A fragment as the worker hands it in. Strings are well-formed: code points are whole (STREAM-16). */
export interface Delta {
  readonly role: Role;
  /** The part of the message that it belongs to, numbered from 1 in the order in which the parts began. */
  readonly block: number;
  readonly part: Part;
}

/** Recent fragments are joined into the folded text when there are so many, and an eighth of those folded: linear work in all. */
const minFold = 256;
/** What a delta costs beside its text: one number. */
const deltaOverhead = 16;
/** What a run costs beside its deltas: its objects, which weigh much more than a short fragment. Measured: 400 bytes. */
const runOverhead = 512;

/**
 * Adjacent deltas of one block: their text joined, and where each of them ended, so that a reader can go on after any of them with one
 * merged event (STREAM-6). What is old costs its text and one number per delta. A part that stands alone is a run of its own.
 */
export class DeltaRun {
  readonly firstSeq: number;
  readonly #delta: Delta;
  readonly #whole: boolean;
  /** Where each delta ends in the text of the run. */
  readonly #ends: number[];
  /** The text of the run but for the recent deltas. */
  #folded = "";
  #recent: string[];

  constructor(firstSeq: number, delta: Delta) {
    const text = fragmentText(delta.part);
    this.firstSeq = firstSeq;
    this.#delta = delta;
    this.#whole = text === undefined;
    this.#ends = [text?.length ?? 0];
    this.#recent = [text ?? ""];
  }

  get lastSeq(): number {
    return this.firstSeq + this.#ends.length - 1;
  }

  /** See `EpisodeLog.weight`. */
  get weight(): number {
    return this.#whole ? runOverhead + sizeOfPart(this.#delta.part) : this.weightThrough(this.lastSeq);
  }

  /** What the deltas up to `seq`, one of a text, weigh; nothing before the first. */
  weightThrough(seq: number): number {
    const count = seq - this.firstSeq + 1;
    return count <= 0 ? 0 : runOverhead + count * deltaOverhead + this.#endOf(count);
  }

  /** Takes the delta with the next number, if it continues this run. */
  join({ role, block, part }: Delta): boolean {
    const own = this.#delta;
    const text = fragmentText(part);
    if (this.#whole || text === undefined) return false;
    if (block !== own.block || role !== own.role || part.kind.case !== own.part.kind.case) return false;
    this.#ends.push(this.#endOf(this.#ends.length) + text.length);
    this.#recent.push(text);
    if (this.#recent.length >= Math.max(minFold, this.#ends.length / 8)) this.#fold();
    return true;
  }

  /** What follows the delta `seq` as one event, up to about `maxLength` UTF-16 units but at least one delta. */
  eventAfter(seq: number, maxLength: number, episode: Episode): StreamEvent {
    const { role, block, part } = this.#delta;
    const skipped = Math.max(0, seq - this.firstSeq + 1);
    const { text, count } = this.#textFrom(skipped, maxLength);
    const firstSeq = this.firstSeq + skipped;
    // As `create` would make it, in a fraction of the time: there is one for each delta.
    return {
      $typeName: "palaver.chat.v1.StreamEvent",
      event: {
        case: "messagePart",
        value: {
          $typeName: "palaver.chat.v1.MessagePartEvent",
          episode,
          firstSeq: BigInt(firstSeq),
          seq: BigInt(firstSeq + count - 1),
          role,
          part: this.#whole ? part : withFragmentText(part, text, skipped === 0),
          block,
        },
      },
    };
  }

  /** How long the text of each of these deltas of the run is; nothing of a part that stands alone. */
  lengths(firstSeq: number, lastSeq: number): number[] {
    if (this.#whole) return [];
    const from = firstSeq - this.firstSeq;
    return this.#ends
      .slice(from, lastSeq - this.firstSeq + 1)
      .map((end, index) => end - this.#endOf(from + index));
  }

  #textFrom(skipped: number, maxLength: number): { text: string; count: number } {
    const ends = this.#ends;
    const latest = this.#recent.at(-1);
    // What nearly everybody asks for: the one that just came.
    if (latest !== undefined && skipped === ends.length - 1) return { text: latest, count: 1 };
    const start = this.#endOf(skipped);
    const upTo = Math.max(skipped + 1, countUpTo(ends, start + maxLength));
    const folded = ends.length - this.#recent.length;
    const recent = this.#recent.slice(Math.max(0, skipped - folded), Math.max(0, upTo - folded));
    return {
      text: this.#folded.slice(start, this.#endOf(upTo)) + recent.join(""),
      count: upTo - skipped,
    };
  }

  /** Where the first `count` deltas end. */
  #endOf(count: number): number {
    return this.#ends[count - 1] ?? 0;
  }

  #fold(): void {
    this.#folded += this.#recent.join("");
    this.#recent = [];
  }
}

/** How many of the ascending numbers are not above the limit. */
function countUpTo(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
