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

/**
 * Measures both sides as many times, right after each other, and which goes first alternates: what else the machine does, and how warm it
 * is, falls on both. A round before the first is not counted.
 */
export async function alternate(rounds: number, { ours, floor }: Sides): Promise<Run[]> {
  const runs: Run[] = [];
  for (let round = 0; round <= rounds; round++) {
    let limit: Measurement | undefined;
    if (round % 2 === 0) limit = await floor?.();
    const mine = await ours();
    if (round % 2 === 1) limit = await floor?.();
    if (round === 0) continue;
    runs.push({
      value: mine.value,
      ...(limit !== undefined && { floor: limit.value }),
      ...(mine.cpuServer !== undefined && { cpu_server: mine.cpuServer }),
      ...(mine.cpuClient !== undefined && { cpu_client: mine.cpuClient }),
    });
  }
  return runs;
}
