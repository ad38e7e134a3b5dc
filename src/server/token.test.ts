import { expect, test } from "vitest";
import { systemRandom } from "../platform/index.js";
import { createToken, parseToken, secretMatches } from "./token.js";

test("a token is taken apart as it was made, and only its own secret matches", () => {
  const { token, id, secretHash } = createToken(systemRandom);
  expect(token).toMatch(/^plv_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
  const parsed = parseToken(token);
  expect(parsed?.id).toBe(id);
  expect(secretMatches(parsed?.secret ?? "", secretHash)).toBe(true);
  const other = parseToken(createToken(systemRandom).token);
  expect(secretMatches(other?.secret ?? "", secretHash)).toBe(false);
  expect(secretMatches(parsed?.secret ?? "", secretHash.subarray(1))).toBe(false);
});

test("what is stored does not hold the secret", () => {
  const { token, id, secretHash } = createToken(systemRandom);
  expect(secretHash).toHaveLength(32);
  expect(token).not.toContain(Buffer.from(secretHash).toString("base64url"));
  expect(id).toHaveLength(16);
});

test("secrets may contain the separator", () => {
  const bytes = (count: number): Uint8Array => new Uint8Array(count).fill(0xff);
  const { token } = createToken({ ...systemRandom, bytes });
  expect(token).toContain("___");
  expect(parseToken(token)).toEqual({ id: "ffffffffffffffff", secret: `${"_".repeat(42)}8` });
});

test.each([
  "",
  "plv_",
  "plv_0123456789abcdef_short",
  `sk_0123456789abcdef_${"a".repeat(43)}`,
  `plv_0123456789ABCDEF_${"a".repeat(43)}`,
])("%j is no token", (text) => {
  expect(parseToken(text)).toBeUndefined();
});
