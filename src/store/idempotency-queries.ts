import type { Queryable, Statement } from "./database.js";

const lockKey: Statement = {
  name: "lock_idempotency_key",
  text: "select pg_advisory_xact_lock(hashtextextended($1 || chr(31) || $2, 7717))",
};
const selectKey: Statement = {
  name: "select_idempotency_key",
  text: "select request_hash, response from idempotency_keys where owner = $1 and key = $2",
};
const insertKey: Statement = {
  name: "insert_idempotency_key",
  text: "insert into idempotency_keys (owner, key, request_hash, response) values ($1, $2, $3, $4)",
};

/** The result of an earlier request with this key, if any. Requests with the same key wait for each other. */
export async function claimIdempotencyKey(
  tx: Queryable,
  owner: string,
  key: string,
): Promise<{ requestHash: Uint8Array; response: Uint8Array } | undefined> {
  // They go out together. The second one begins when the first has its lock, and so sees what was committed meanwhile.
  const [, [row]] = await Promise.all([
    tx.query(lockKey, [owner, key]),
    tx.query<{ request_hash: Uint8Array; response: Uint8Array }>(selectKey, [owner, key]),
  ]);
  return row === undefined ? undefined : { requestHash: row.request_hash, response: row.response };
}

export async function saveIdempotencyKey(
  tx: Queryable,
  entry: { owner: string; key: string; requestHash: Uint8Array; response: Uint8Array },
): Promise<void> {
  await tx.execute(insertKey, [entry.owner, entry.key, entry.requestHash, entry.response]);
}
