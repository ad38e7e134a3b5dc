import { describe, expect, test } from "vitest";
import { ManualClock, systemClock, systemRandom } from "../../src/platform/index.js";
import { createToken, createTokenVerifier } from "../../src/server/index.js";
import { type Database, findToken, insertToken, listTokens, revokeToken } from "../../src/store/index.js";
import { engines, openTestDatabase } from "../kit/databases.js";

async function addToken(
  database: Database,
  options: { owner?: string; role?: "user" | "admin"; expiresAt?: Date } = {},
) {
  const { token, id, secretHash } = createToken(systemRandom);
  const { owner = "ada", role = "user", expiresAt } = options;
  const record = await insertToken(database, {
    id,
    name: `${owner}'s laptop`,
    owner,
    role,
    secretHash,
    expiresAt,
  });
  return { token, id, record };
}

/** Counts the questions to the database. */
function counting(database: Database): { database: Database; asked: () => number } {
  let asked = 0;
  const query: Database["query"] = (statement, values) => {
    asked += 1;
    return database.query(statement, values);
  };
  const execute: Database["execute"] = (statement, values) => database.execute(statement, values);
  return { database: { ...database, query, execute }, asked: () => asked };
}

describe.each(engines)("API tokens on %s", (engine) => {
  test("a token stands for its owner and role", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const verifier = createTokenVerifier({ database, clock: new ManualClock(systemClock.now()) });
    const user = await addToken(database);
    const admin = await addToken(database, { owner: "grace", role: "admin" });
    expect(await verifier.verify(user.token)).toEqual({ owner: "ada", role: "user", tokenId: user.id });
    expect(await verifier.verify(admin.token)).toEqual({ owner: "grace", role: "admin", tokenId: admin.id });
    const listed = await listTokens(database);
    const named = listed.map(({ id, name, revokedAt }) => ({ id, name, revokedAt }));
    const made = [
      { id: user.id, name: "ada's laptop", revokedAt: undefined },
      { id: admin.id, name: "grace's laptop", revokedAt: undefined },
    ];
    // Of those of one millisecond the database may know which came first, or go by their ids.
    const times = listed.map(({ createdAt }) => createdAt.getTime());
    const isOneMoment = times[0] === times[1];
    expect([made, ...(isOneMoment ? [made.toReversed()] : [])]).toContainEqual(named);
    expect((await findToken(database, user.id))?.record.lastUsedAt).toBeInstanceOf(Date);
  });

  test("unknown tokens, other secrets and texts that are no tokens stand for nobody", async () => {
    await using opened = await openTestDatabase(engine);
    const verifier = createTokenVerifier({
      database: opened.database,
      clock: new ManualClock(systemClock.now()),
    });
    const { token, id } = await addToken(opened.database);
    const another = createToken(systemRandom).token;
    expect(await verifier.verify(another)).toBeUndefined();
    expect(await verifier.verify(another.replace(/^plv_[0-9a-f]+/, `plv_${id}`))).toBeUndefined();
    expect(await verifier.verify("plv_' or 1=1")).toBeUndefined();
    expect(await verifier.verify(token)).toBeDefined();
  });

  test("a revoked token is refused within 10 s, and stays revoked", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const clock = new ManualClock(systemClock.now());
    const verifier = createTokenVerifier({ database, clock });
    const { token, id } = await addToken(database);
    expect(await verifier.verify(token)).toBeDefined();
    expect(await revokeToken(database, id)).toBe(true);
    clock.advance(10_000);
    expect(await verifier.verify(token)).toBeUndefined();
    const revokedAt = (await findToken(database, id))?.record.revokedAt;
    expect(await revokeToken(database, id)).toBe(true);
    expect((await findToken(database, id))?.record.revokedAt).toEqual(revokedAt);
    expect(await revokeToken(database, "no-such-token")).toBe(false);
  });

  test("an expired token is refused within 10 s", async () => {
    await using opened = await openTestDatabase(engine);
    const clock = new ManualClock(systemClock.now());
    const verifier = createTokenVerifier({ database: opened.database, clock });
    const { token } = await addToken(opened.database, {
      expiresAt: new Date(clock.now().getTime() + 60_000),
    });
    expect(await verifier.verify(token)).toBeDefined();
    clock.advance(70_000);
    expect(await verifier.verify(token)).toBeUndefined();
  });

  test("the database is asked once per token and few seconds, and again after a failure", async () => {
    await using opened = await openTestDatabase(engine);
    const clock = new ManualClock(systemClock.now());
    const { database, asked } = counting(opened.database);
    const verifier = createTokenVerifier({ database, clock });
    const { token } = await addToken(opened.database);
    await Promise.all(Array.from({ length: 20 }, () => verifier.verify(token)));
    clock.advance(4999);
    await verifier.verify(token);
    expect(asked()).toBe(1);
    clock.advance(1);
    await verifier.verify(token);
    expect(asked()).toBe(2);

    const closed = createTokenVerifier({ database: opened.database, clock });
    await opened.database.close();
    await expect(closed.verify(token)).rejects.toThrow();
    await expect(closed.verify(token)).rejects.toThrow();
  });
});
