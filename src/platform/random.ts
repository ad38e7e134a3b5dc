import { randomBytes, randomUUID } from "node:crypto";

/** Ids and chance, injected so that tests can repeat a run. */
export interface Random {
  /** A UUID, version 4. */
  uuid(): string;
  /** A number in [0, 1). */
  fraction(): number;
  /** That many bytes, in a real run from a cryptographically strong source: fit for secrets. */
  bytes(count: number): Uint8Array;
}

export const systemRandom: Random = {
  uuid: () => randomUUID(),
  fraction: () => Math.random(),
  bytes: (count) => randomBytes(count),
};
