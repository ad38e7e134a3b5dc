import { PalaverError } from "../protocol/index.js";
import { claimIdempotencyKey, type Database, saveIdempotencyKey, type Transaction } from "../store/index.js";
import type { Applied } from "./apply-transition.js";

/** Makes a request repeatable: the same key with the same body has the same result and no second effect (MSG-4). */
export interface Idempotency<T> {
  readonly owner: string;
  readonly key: string;
  readonly requestHash: Uint8Array;
  encode(result: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/** What a transaction has come to. */
export interface Outcome<T> {
  readonly result: T;
  /** What others are told of. */
  readonly notify: readonly Applied[];
}

/**
 * Carries out `work` in a transaction, once for each idempotency key: where that has a result already, this is it, and nothing is done.
 *
 * `read`: what `work` goes by, if it begins with that. It is asked for at once, with the idempotency key, and thrown away where that has a
 * result already: so it writes nothing then.
 *
 * @throws PalaverError IDEMPOTENCY_KEY_REUSED
 */
export async function inTransactionOnce<T, Read>(
  database: Database,
  options: {
    readonly idempotency?: Idempotency<T> | undefined;
    readonly read?: (tx: Transaction) => Promise<Read>;
  },
  work: (tx: Transaction, read: Read) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const { idempotency, read } = options;
  const carryOut = async (tx: Transaction): Promise<Outcome<T>> => {
    const [earlier, known] = (await Promise.all([
      idempotency && claimIdempotencyKey(tx, idempotency.owner, idempotency.key),
      read?.(tx),
    ])) as [Awaited<ReturnType<typeof claimIdempotencyKey>>, Read];
    if (idempotency === undefined) return work(tx, known);
    const { owner, key, requestHash } = idempotency;
    if (earlier === undefined) {
      const outcome = await work(tx, known);
      const response = idempotency.encode(outcome.result);
      await tx.finish(() => saveIdempotencyKey(tx, { owner, key, requestHash, response }));
      return outcome;
    }
    if (Buffer.compare(earlier.requestHash, requestHash) !== 0) {
      throw new PalaverError(
        "already_exists",
        "IDEMPOTENCY_KEY_REUSED",
        "This idempotency key was used for another request. Use a new key for each request.",
      );
    }
    return { result: idempotency.decode(earlier.response), notify: [] };
  };
  const beginsWithReads = idempotency !== undefined || read !== undefined;
  return database.transaction(carryOut, { beginsWithReads });
}
