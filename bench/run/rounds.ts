import type { Run } from "./result.js";

/** What a side of a comparison measured in one round. */
export interface Measurement {
  readonly value: number;
  readonly cpuServer?: number;
  readonly cpuClient?: number;
}

export interface Sides {
  readonly ours: () => Promise<Measurement>;
  /** The fastest thing that could do the same. */
  readonly floor?: () => Promise<Measurement>;
}

/** What both sides did right after each other. */
export interface Round<T> {
  readonly ours: T;
  readonly floor: T | undefined;
}

/** How often something is measured. */
export interface Rounds {
  readonly count: number;
  /** A round before the first is not counted. */
  readonly warmUp: boolean;
}

/**
 * Has both sides do the same as many times, right after each other, and which goes first alternates: what else the machine does, and how
 * warm it is, falls on both.
 */
export async function takeTurns<T>(
  { count, warmUp }: Rounds,
  { ours, floor }: { readonly ours: () => Promise<T>; readonly floor?: (() => Promise<T>) | undefined },
): Promise<Round<T>[]> {
  const done: Round<T>[] = [];
  for (let round = warmUp ? 0 : 1; round <= count; round++) {
    let limit: T | undefined;
    if (round % 2 === 0) limit = await floor?.();
    const mine = await ours();
    if (round % 2 === 1) limit = await floor?.();
    if (round > 0) done.push({ ours: mine, floor: limit });
  }
  return done;
}

/** Measures both sides in turn. */
export async function alternate(rounds: Rounds, { ours, floor }: Sides): Promise<Run[]> {
  return (await takeTurns(rounds, { ours, floor })).map(runOf);
}

/** What a round says. */
export function runOf({ ours, floor }: Round<Measurement>): Run {
  return {
    value: ours.value,
    ...(floor !== undefined && { floor: floor.value }),
    ...(ours.cpuServer !== undefined && { cpu_server: ours.cpuServer }),
    ...(ours.cpuClient !== undefined && { cpu_client: ours.cpuClient }),
  };
}
