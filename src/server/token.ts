import { createHash, timingSafeEqual } from "node:crypto";
import type { Random } from "../platform/index.js";

/** A new API token. The text is shown once and kept nowhere; the rest is what is stored. */
export interface CreatedToken {
  /** `plv_<id>_<secret>`: what the caller presents. */
  readonly token: string;
  /** The public part: names the token in lists and logs. */
  readonly id: string;
  readonly secretHash: Uint8Array;
}

/** Makes a token with a secret of 256 random bits. */
export function createToken(random: Random): CreatedToken {
  const id = Buffer.from(random.bytes(8)).toString("hex");
  const secret = Buffer.from(random.bytes(32)).toString("base64url");
  return { token: `plv_${id}_${secret}`, id, secretHash: hashToken(secret) };
}

/** The parts of a token's text; undefined when it is none. */
export function parseToken(token: string): { readonly id: string; readonly secret: string } | undefined {
  const match = /^plv_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/.exec(token);
  const [, id, secret] = match ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** SHA-256. A slow hash would add nothing: the secret is random and as long as the hash. */
export function hashToken(secret: string): Uint8Array {
  return createHash("sha256").update(secret).digest();
}

/** Compares in constant time. */
export function secretMatches(secret: string, secretHash: Uint8Array): boolean {
  const hash = hashToken(secret);
  return hash.byteLength === secretHash.byteLength && timingSafeEqual(hash, secretHash);
}
