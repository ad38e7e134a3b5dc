import { atEndOfTurn, type Clock } from "../platform/index.js";
import type { EpisodeLog } from "./episode-log.js";
import { isSamePlace, type LiveStep, tellDeltas } from "./live-step.js";
import { maxBatchSize, type StreamBatch } from "./stream-batch.js";
import type { Live, StreamPosition } from "./stream-state.js";

/** One of those who go together. */
export interface CohortMember {
  /** Takes a batch. False: it takes no more for now, and is a member no longer. */
  readonly give: (batch: StreamBatch) => boolean;
  /** It is a member no longer, and goes on by itself from where the cohort is. `gaveUp`: because it takes no more for now. */
  readonly dismiss: (options: { readonly gaveUp: boolean }) => void;
}

/** Where subscribers are that go together. */
interface CohortPlace {
  readonly chatId: string;
  readonly log: EpisodeLog;
  readonly state: Live;
}

/** What a batch led to, for each of those who got it; but for `lastId`, which each has its own of. */
interface Led {
  readonly state: Live;
  readonly position: StreamPosition;
  readonly atMs: number;
}

/**
 * Subscribers who are live at the same place of an episode, and have taken all that there is. Nearly always the same happens to all of them: deltas,
 * and nothing else. So it happens once: at the end of a turn of the event loop the cohort takes what came, goes on, and gives each of its members
 * the same batch. Of a member nothing is touched but what it writes to.
 *
 * Whoever something else happens to leaves before it is looked at, and is then where the cohort is. All are dismissed when the episode
 * ends, and when its deltas are too many for one batch.
 */
export class Cohort {
  readonly #chatId: string;
  readonly #log: EpisodeLog;
  readonly #clock: Clock;
  readonly #members = new Set<CohortMember>();
  readonly #watch: Disposable;
  readonly #flush = (): void => this.#tell();
  #state: Live;
  #lastSeq: number;
  #last: Led | undefined;
  #isDue = false;

  private constructor({ chatId, log, state }: CohortPlace, clock: Clock) {
    this.#chatId = chatId;
    this.#log = log;
    this.#clock = clock;
    this.#state = state;
    this.#lastSeq = log.lastSeq;
    this.#watch = log.onChange(() => this.#onChange());
  }

  /**
   * Goes with those who are there, or begins a cohort; undefined where there are too many already. Only for who has taken every delta of the log,
   * which is open.
   */
  static join(place: CohortPlace, member: CohortMember, clock: Clock): Cohort | undefined {
    const { log, state } = place;
    // What came in this turn has been taken by whoever joins.
    for (const cohort of cohorts.get(log) ?? []) cohort.#tell();
    const known = cohorts.get(log) ?? [];
    let cohort = known.find((other) => isSamePlace(other.#state, state));
    if (cohort === undefined) {
      if (known.length >= maxCohorts) return undefined;
      cohort = new Cohort(place, clock);
      cohorts.set(log, [...known, cohort]);
    }
    cohort.#members.add(member);
    return cohort;
  }

  /** The last batch. Whoever joined later has not got it. */
  get last(): Led | undefined {
    return this.#last;
  }

  /** The last delta that all members have. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  leave(member: CohortMember): void {
    if (this.#members.delete(member) && this.#members.size === 0) this.#end();
  }

  #onChange(): void {
    if (this.#log.state.type === "closed") return this.#dismissAll();
    if (this.#isDue) return;
    this.#isDue = true;
    atEndOfTurn(this.#flush);
  }

  #tell(): void {
    this.#isDue = false;
    while (this.#members.size > 0 && this.#log.lastSeq > this.#lastSeq) {
      const step = this.#nextStep();
      const lastSeq = step?.position.seen?.lastSeq;
      if (step === undefined || lastSeq === undefined) return this.#dismissAll();
      const { state, position } = step;
      this.#state = state;
      this.#lastSeq = lastSeq;
      this.#last = { state, position, atMs: this.#clock.monotonicMs() };
      this.#give(step.batch);
    }
  }

  /** Undefined where members have to look for themselves. Never throws: whatever is wrong, each of them finds out where it can be told. */
  #nextStep(): LiveStep | undefined {
    try {
      const events = this.#log.read(this.#lastSeq, maxBatchSize);
      return events && tellDeltas(this.#chatId, this.#state, this.#log.episode, events);
    } catch {
      return undefined;
    }
  }

  #give(batch: StreamBatch): void {
    for (const member of this.#members) {
      if (member.give(batch)) continue;
      this.leave(member);
      member.dismiss({ gaveUp: true });
    }
  }

  #dismissAll(): void {
    const members = [...this.#members];
    this.#members.clear();
    this.#end();
    for (const member of members) member.dismiss({ gaveUp: false });
  }

  #end(): void {
    this.#watch[Symbol.dispose]();
    const others = cohorts.get(this.#log)?.filter((other) => other !== this) ?? [];
    if (others.length === 0) cohorts.delete(this.#log);
    else cohorts.set(this.#log, others);
  }
}

/** Places are the clients' choice, and looking for one costs time for each: whoever is anywhere else goes alone. */
const maxCohorts = 8;

/** Those of a log: nearly always one. */
const cohorts = new WeakMap<EpisodeLog, Cohort[]>();
