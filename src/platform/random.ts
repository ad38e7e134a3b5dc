import { randomUUID } from "node:crypto";

/** Ids and chance, injected so that tests can repeat a run. */
export interface Random {
  /** A UUID, version 4. */
  uuid(): string;
  /** A number in [0, 1). */
  fraction(): number;
}

export const systemRandom: Random = {
  uuid: () => randomUUID(),
  fraction: () => Math.random(),
};
