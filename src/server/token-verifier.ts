import { createHash } from "node:crypto";
import { type Clock, type Logger, silentLogger } from "../platform/index.js";
import { type Database, findToken, touchToken } from "../store/index.js";
import type { Caller, TokenVerifier } from "./authenticate.js";
import { parseToken, secretMatches } from "./token.js";

/** How long an answer may be repeated without asking the database again. A revocation takes effect that much later. */
const rememberMs = 5_000;

/** How many answers are remembered at most; the oldest are forgotten first. */
const maxRemembered = 10_000;

interface Remembered {
  readonly answer: Promise<Caller | undefined>;
  readonly untilMs: number;
}

/**
 * Verifies API tokens against the database, which is asked once per token and 5 s, however many calls come at once. Texts
 * that are no tokens never get there.
 */
export function createTokenVerifier({
  database,
  clock,
  logger = silentLogger,
}: {
  database: Database;
  clock: Clock;
  logger?: Logger;
}): TokenVerifier {
  // By hash, so that no secret stays in memory. A Map keeps the order in which answers were added.
  const remembered = new Map<string, Remembered>();

  async function look(id: string, secret: string): Promise<Caller | undefined> {
    const found = await findToken(database, id);
    if (found === undefined || !secretMatches(secret, found.secretHash)) return undefined;
    const { owner, role, expiresAt, revokedAt, lastUsedAt } = found.record;
    const now = clock.now();
    if (revokedAt !== undefined || (expiresAt !== undefined && expiresAt <= now)) return undefined;
    if (lastUsedAt === undefined || now.getTime() - lastUsedAt.getTime() > 60_000) {
      // For the operator's eyes only: that it cannot be noted refuses nobody.
      await touchToken(database, id).catch((error: unknown) => {
        logger.warn({ err: error, token_id: id }, "cannot note the use of a token");
      });
    }
    return { owner, role, tokenId: id };
  }

  return {
    verify: (token) => {
      const parts = parseToken(token);
      if (parts === undefined) return Promise.resolve(undefined);
      const key = createHash("sha256").update(token).digest("base64");
      const nowMs = clock.monotonicMs();
      const known = remembered.get(key);
      if (known !== undefined && nowMs < known.untilMs) return known.answer;

      remembered.delete(key);
      const entry: Remembered = { answer: look(parts.id, parts.secret), untilMs: nowMs + rememberMs };
      remembered.set(key, entry);
      // A failure is not an answer.
      entry.answer.catch(() => {
        if (remembered.get(key) === entry) remembered.delete(key);
      });
      const [oldest] = remembered.keys();
      if (remembered.size > maxRemembered && oldest !== undefined) remembered.delete(oldest);
      return entry.answer;
    },
  };
}
