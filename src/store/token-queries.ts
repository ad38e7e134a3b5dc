import type { Queryable, Statement } from "./database.js";

/** An API token as it is stored: without its secret. */
export interface TokenRecord {
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  readonly owner: string;
  readonly role: "user" | "admin";
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  readonly revokedAt: Date | undefined;
  /** At most a minute old while the token is in use. */
  readonly lastUsedAt: Date | undefined;
}

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly role: "user" | "admin";
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly last_used_at: Date | null;
}

const tokenColumns = "id, name, owner, role, created_at, expires_at, revoked_at, last_used_at";

function decodeToken(row: TokenRow): TokenRecord {
  return {
    id: row.id,
    name: row.name,
    owner: row.owner,
    role: row.role,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  };
}

const insertTokenStatement: Statement = {
  name: "insert_token",
  text: `insert into api_tokens (id, name, owner, role, secret_hash, expires_at) values ($1, $2, $3, $4, $5, $6)
    returning ${tokenColumns}`,
};

export interface NewToken {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly role: "user" | "admin";
  /** SHA-256 of the secret. */
  readonly secretHash: Uint8Array;
  readonly expiresAt: Date | undefined;
}

/** Stores a new token. */
export async function insertToken(db: Queryable, token: NewToken): Promise<TokenRecord> {
  const { id, name, owner, role, secretHash, expiresAt } = token;
  const [row] = await db.query<TokenRow>(insertTokenStatement, [
    id,
    name,
    owner,
    role,
    secretHash,
    expiresAt ?? null,
  ]);
  if (row === undefined) throw new Error("insert returned no row");
  return decodeToken(row);
}

const listTokensStatement: Statement = {
  name: "list_tokens",
  text: `select ${tokenColumns} from api_tokens order by created_at, id`,
};

/** All tokens, also those that are revoked or expired, oldest first. */
export async function listTokens(db: Queryable): Promise<TokenRecord[]> {
  return (await db.query<TokenRow>(listTokensStatement)).map(decodeToken);
}

const revokeTokenStatement: Statement = {
  name: "revoke_token",
  text: "update api_tokens set revoked_at = coalesce(revoked_at, clock_timestamp()) where id = $1",
};

/** Revokes a token for good; whether there is one with this id. Twice is as good as once. */
export async function revokeToken(db: Queryable, id: string): Promise<boolean> {
  return (await db.execute(revokeTokenStatement, [id])) > 0;
}

const findTokenStatement: Statement = {
  name: "find_token",
  text: `select ${tokenColumns}, secret_hash from api_tokens where id = $1`,
};

/** The token with this id and the hash of its secret; it may be revoked or expired. */
export async function findToken(
  db: Queryable,
  id: string,
): Promise<{ readonly record: TokenRecord; readonly secretHash: Uint8Array } | undefined> {
  const [row] = await db.query<TokenRow & { readonly secret_hash: Uint8Array }>(findTokenStatement, [id]);
  return row && { record: decodeToken(row), secretHash: row.secret_hash };
}

const touchTokenStatement: Statement = {
  name: "touch_token",
  text: `update api_tokens set last_used_at = clock_timestamp()
    where id = $1 and (last_used_at is null or last_used_at < clock_timestamp() - interval '1 minute')`,
};

/** Notes that a token is in use, at most once a minute. */
export async function touchToken(db: Queryable, id: string): Promise<void> {
  await db.execute(touchTokenStatement, [id]);
}
