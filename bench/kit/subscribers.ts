import { Child, type Usage } from "./child.js";
import type { BenchWire } from "./wire.js";

export interface GroupOptions {
  readonly url: string;
  readonly wire: BenchWire;
  /** The chats they watch, one after the other. */
  readonly chatIds: readonly string[];
  readonly count: number;
  /** Over how many connections. */
  readonly connections: number;
  /** How long each delta is, if each begins with the time at which it was made (see `PacedPlan`). */
  readonly deltaBytes?: number;
}

/** What the subscribers of a group have read since they were told to expect a step. */
export interface GroupTally {
  /** Of all of them. */
  readonly deltas: number;
  readonly responses: number;
  /** All that came over their connections, since these were made. */
  readonly wireBytes: number;
  /** Of the texts that they have; one if all have the same. */
  readonly hashes: readonly number[];
  readonly textBytes: readonly number[];
  /** Deltas that are missing or doubled, streams that have ended. */
  readonly faults: readonly string[];
}

/** How long deltas were on their way. */
export interface Travel {
  readonly count: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Subscribers that are opened together. */
export interface Group {
  readonly id: number;
  /** Forgets what they have read: a new step begins with delta 1. */
  expect(): Promise<void>;
  /** Resolves when all of them have read up to this delta. */
  reach(seq: number): Promise<void>;
  tally(): Promise<GroupTally>;
  travel(): Promise<Travel>;
  close(): Promise<void>;
}

/** A process full of subscribers. */
export class Subscribers implements AsyncDisposable {
  readonly #child = new Child({ module: "bench/kit/subscribers-process.ts" });

  /** Resolves when all of them have caught up. */
  async open(options: GroupOptions): Promise<Group> {
    const group = await this.#child.ask<number>("open", options);
    return {
      id: group,
      expect: () => this.#child.ask("expect", { group }),
      reach: (seq) => this.#child.ask("reach", { group, seq }),
      tally: () => this.#child.ask("tally", { group }),
      travel: () => this.#child.ask("travel", { group }),
      close: () => this.#child.ask("close", { group }),
    };
  }

  usage(): Promise<Usage> {
    return this.#child.usage();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]();
  }
}
