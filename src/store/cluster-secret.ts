import type { Random } from "../platform/index.js";
import type { Queryable, Statement } from "./database.js";

const selectSecret: Statement = {
  name: "select_cluster_secret",
  text: "select secret from cluster_secrets where name = $1",
};
const insertSecret: Statement = {
  name: "insert_cluster_secret",
  text: "insert into cluster_secrets (name, secret) values ($1, $2) on conflict (name) do nothing",
};

/** 256 bits: nobody guesses it. */
const secretBytes = 32;

/**
 * The secret of that name that all replicas on this database have in common, as base64url. Whoever asks first makes it, and all get the
 * same one, also those that ask at the same time. Each of its statements has to see what others have committed meanwhile: call it outside
 * of transactions.
 */
export async function readClusterSecret(db: Queryable, name: string, random: Random): Promise<string> {
  const known = await findClusterSecret(db, name);
  if (known !== undefined) return known;
  await db.execute(insertSecret, [name, Buffer.from(random.bytes(secretBytes)).toString("base64url")]);
  // Ours, or that of whoever was faster: the insert has waited for its commit.
  const made = await findClusterSecret(db, name);
  if (made === undefined) throw new Error("the secret vanished while it was read");
  return made;
}

/** The same, without making one: undefined when nobody has asked for it yet. */
export async function findClusterSecret(db: Queryable, name: string): Promise<string | undefined> {
  const [row] = await db.query<{ secret: string }>(selectSecret, [name]);
  return row?.secret;
}
