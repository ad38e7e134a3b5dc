import { createHash } from "node:crypto";

/** Chance that a seed repeats. */
export interface SeededRandom {
  /** At least 0, less than 1. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
  shuffle<T>(list: readonly T[]): T[];
  /** Letters and digits that nobody else has: to be found again in a prompt or a transcript. */
  nonce(): string;
}

/** The generator sfc32 (Chris Doty-Humphrey, PractRand), started from a hash of the seed. */
export function seededRandom(seed: string): SeededRandom {
  const hash = createHash("sha256").update(seed).digest();
  let [a, b, c, counter] = [0, 4, 8, 12].map((at) => hash.readUInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  const integer = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    integer,
    pick: (list) => list[integer(0, list.length - 1)] ?? list[0],
    shuffle: (list) => {
      const rest = [...list];
      return list.flatMap(() => rest.splice(integer(0, rest.length - 1), 1));
    },
    nonce: () =>
      Array.from({ length: 4 }, () =>
        integer(0, 2 ** 20 - 1)
          .toString(36)
          .padStart(4, "0"),
      ).join(""),
  };
}

/** The seed of a part of a run: eight hexadecimal digits. */
export function deriveSeed(seed: string, part: string): string {
  return createHash("sha256").update(`${seed}\n${part}`).digest("hex").slice(0, 8);
}
