import { seededRandom } from "../suite/run/seeded-random.js";
import { UsageError } from "../suite/usage-error.js";
import type { Fault } from "./fault.js";

export interface Picking {
  /** None: all. */
  readonly ids: readonly string[];
  /** `2/3`: the second third. Each belongs to exactly one. */
  readonly shard?: string | undefined;
  /** So many of them, by chance. */
  readonly sample?: string | undefined;
  readonly seed: string;
}

/** @throws {UsageError} when an id is not known, or a number none */
export function pickFaults(
  all: readonly Fault[],
  { ids, shard = "1/1", sample, seed }: Picking,
): readonly Fault[] {
  const unknown = ids.find((id) => !all.some((fault) => fault.id === id));
  if (unknown !== undefined) throw new UsageError(`there is no mutant ${unknown}`);
  const [index = 0, count = 0] = (/^(\d+)\/(\d+)$/.exec(shard) ?? []).slice(1).map(Number);
  if (index < 1 || index > count) throw new UsageError(`${shard} is no shard: write one such as 2/3`);
  const size = sample === undefined ? all.length : Number(sample);
  if (!Number.isSafeInteger(size) || size < 1)
    throw new UsageError(`${String(sample)} is no size of a sample`);

  const wanted = all
    .filter(({ id }) => ids.length === 0 || ids.includes(id))
    .filter((_, place) => place % count === index - 1);
  const chosen = new Set(seededRandom(seed).shuffle(wanted).slice(0, size));
  return wanted.filter((fault) => chosen.has(fault));
}
