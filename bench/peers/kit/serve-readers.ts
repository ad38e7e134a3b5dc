import { answerParent } from "../../kit/answer-parent.js";
import { nowUs } from "../../kit/wire.js";
import { percentile } from "../../run/statistics.js";
import { type Plan, textOf } from "./plan.js";
import { Reader } from "./reader.js";

/** With the client that a peer's users have, or with as little as can read it: so that a slow client is not taken for a slow server. */
export type Means = "own" | "raw";

/** One subscription. */
export interface Reading {
  readonly url: string;
  /** What the peer said of the stream. */
  readonly address: string;
  /** Where to go on; undefined: at the beginning. */
  readonly from: string | undefined;
  /** It leaves, and its connection ends. */
  readonly signal: AbortSignal;
  /** The server has it: it would get what is said from now on. */
  readonly live: () => void;
  /** The next piece of the text, and where to go on after it. */
  readonly text: (piece: string, position?: string) => void;
}

/** Reads until the stream ends or the signal aborts. */
export type Read = (reading: Reading) => Promise<void>;

export interface OpenOptions {
  readonly url: string;
  readonly address: string;
  readonly plan: Plan;
  readonly means: Means;
  readonly count: number;
}

export interface Tally {
  readonly deltas: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Where a client that was cut goes on, and how much of the text it has. */
export interface Place {
  readonly position: string;
  readonly chars: number;
}

/** Readers that are opened together. */
class Group {
  readonly #options: OpenOptions;
  readonly #read: Read;
  readonly #text: string;
  readonly #leave = new AbortController();
  readonly #readers: Reader[] = [];
  readonly #places: Place[] = [];
  #goal: Goal | undefined;
  #failure: Error | undefined;

  constructor(options: OpenOptions, read: Read) {
    this.#options = options;
    this.#read = read;
    this.#text = textOf(options.plan);
  }

  /** Resolves when all of them are live. One after the other: some peers want a first reader to begin a stream. */
  async open(): Promise<void> {
    for (let index = 0; index < this.#options.count; index++) await this.#openOne(undefined);
  }

  /** Resolves with when the last of them had read so many deltas. */
  reach(deltas: number): Promise<number> {
    const chars = deltas * this.#options.plan.deltaBytes;
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      const missing = this.#readers.filter((reader) => reader.chars < chars).length;
      if (missing === 0) return resolve(nowUs());
      this.#goal = { chars, missing, resolve, reject };
    });
  }

  tally(): Tally {
    const { deltaBytes } = this.#options.plan;
    const travels = this.#readers.flatMap((reader) => reader.travelsUs).toSorted((a, b) => a - b);
    return {
      deltas: this.#readers.reduce((sum, { chars }) => sum + chars, 0) / deltaBytes,
      p50Us: percentile(travels, 0.5),
      p99Us: percentile(travels, 0.99),
    };
  }

  /** The last place that is not beyond so many deltas. */
  place(deltas: number): Place {
    const chars = deltas * this.#options.plan.deltaBytes;
    const place = this.#places.findLast((each) => each.chars <= chars);
    if (place === undefined) throw new Error(`no place to go on at before ${deltas} deltas`);
    return place;
  }

  /** How long it takes from there until the whole text is there. */
  async resume(place: Place): Promise<number> {
    const beganUs = nowUs();
    const leave = new AbortController();
    const reader = await this.#openOne(place, leave);
    const whole = this.#text.length;
    if (reader.chars < whole) await this.reach(whole / this.#options.plan.deltaBytes);
    const elapsedUs = nowUs() - beganUs;
    this.#readers.splice(this.#readers.indexOf(reader), 1);
    leave.abort();
    return elapsedUs / 1_000;
  }

  close(): void {
    this.#leave.abort();
  }

  async #openOne(place: Place | undefined, leave = this.#leave): Promise<Reader> {
    const { url, address, plan } = this.#options;
    const reader = new Reader(plan, this.#text, { from: place?.chars ?? 0 });
    this.#readers.push(reader);
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error): void => {
        if (leave.signal.aborted) return;
        this.#failure ??= error;
        this.#goal?.reject(error);
        reject(error);
      };
      this.#read({
        url,
        address,
        from: place?.position,
        signal: leave.signal,
        live: resolve,
        text: (piece, position) => {
          const before = reader.chars;
          reader.read(piece);
          if (reader.fault !== undefined) return fail(new Error(reader.fault));
          if (position !== undefined && place === undefined && this.#options.count === 1)
            this.#places.push({ position, chars: reader.chars });
          this.#advanced(before, reader.chars);
        },
      }).then(
        () => {
          if (reader.chars < plan.deltas * plan.deltaBytes)
            fail(new Error(`the stream ended after ${reader.chars} characters`));
        },
        (error: unknown) => fail(error instanceof Error ? error : new Error(String(error))),
      );
    });
    return reader;
  }

  #advanced(before: number, now: number): void {
    const goal = this.#goal;
    if (goal === undefined || before >= goal.chars || now < goal.chars) return;
    goal.missing -= 1;
    if (goal.missing > 0) return;
    this.#goal = undefined;
    goal.resolve(nowUs());
  }
}

interface Goal {
  readonly chars: number;
  missing: number;
  readonly resolve: (atUs: number) => void;
  readonly reject: (error: Error) => void;
}

/** In a process of readers: opens them when it is told to. */
export function serveReaders(reads: Readonly<Record<Means, Read>>): void {
  const groups = new Map<number, Group>();
  let opened = 0;
  const groupOf = ({ group }: { group: number }): Group => {
    const found = groups.get(group);
    if (found === undefined) throw new Error(`there is no group ${group}`);
    return found;
  };
  answerParent({
    open: async (options: OpenOptions) => {
      const group = new Group(options, reads[options.means]);
      const id = ++opened;
      groups.set(id, group);
      await group.open();
      return id;
    },
    reach: (argument: { group: number; deltas: number }) => groupOf(argument).reach(argument.deltas),
    tally: (argument: { group: number }) => groupOf(argument).tally(),
    place: (argument: { group: number; deltas: number }) => groupOf(argument).place(argument.deltas),
    resume: (argument: { group: number; place: Place }) => groupOf(argument).resume(argument.place),
    close: (argument: { group: number }) => {
      groupOf(argument).close();
      groups.delete(argument.group);
    },
  });
}
