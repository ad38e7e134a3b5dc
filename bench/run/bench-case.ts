import type { Measured } from "./result.js";
import type { Rounds } from "./rounds.js";

/** How long and how often a case measures. */
export interface BenchRun {
  readonly quick: boolean;
  /** How often each side is measured. */
  readonly rounds: Rounds;
  /** One of two sizes: of a whole run, of a quick one. */
  readonly pick: <T>(whole: T, quick: T) => T;
  /** An empty database of its own, on the Postgres of this run. */
  readonly createDatabase: () => Promise<string>;
  /** A NATS server of this run, with JetStream. */
  readonly natsUrl: () => Promise<string>;
  /** A folder that goes with this run. */
  readonly folder: string;
  /** Options of Node's own for the servers under test. */
  readonly serverNodeOptions: readonly string[];
  readonly report: (measured: Measured) => void;
}

/** One bar, or what belongs to it. What it starts it ends itself. */
export interface BenchCase {
  readonly id: string;
  readonly title: string;
  readonly run: (bench: BenchRun) => Promise<void>;
}

/** It cannot be measured here, and why: the fault of neither side. Only who asked for it by name gets an error. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}
