import { expect, test } from "vitest";
import { DatabaseError, isConflict, spoilsConnection, toDatabaseError } from "./database-error.js";

const driverError = (fields: Record<string, unknown>): Error =>
  Object.assign(new Error("the driver's words with a secret"), { detail: "(secret)" }, fields);

test.each([
  // what happened            code           retryable lost
  ["serialization failure", "40001", true, false],
  ["deadlock", "40P01", true, false],
  ["statement timeout", "57014", true, false],
  ["lock not available", "55P03", true, false],
  ["too many connections", "53300", true, false],
  ["shutdown", "57P01", true, true],
  ["starting up", "57P03", true, true],
  ["connection failure", "08006", true, true],
  ["idle in a transaction", "25P03", true, true],
  ["duplicate", "23505", false, false],
  ["syntax", "42601", false, false],
  ["wrong password", "28P01", false, false],
  ["raised by a function", "P0001", false, false],
  ["connection refused", "ECONNREFUSED", true, true],
  ["broken pipe", "EPIPE", true, true],
  ["no code at all", undefined, true, true],
  ["certificate does not match", "ERR_TLS_CERT_ALTNAME_INVALID", false, true],
])("%s (%s): retryable %s, connection lost %s", (_what, code, retryable, lost) => {
  const error = driverError({ code });
  expect(toDatabaseError(error, "in transaction")).toMatchObject({ retryable, maybeCommitted: false });
  expect(toDatabaseError(error, "connecting")).toMatchObject({ retryable, maybeCommitted: false });
  expect(toDatabaseError(error, "committing")).toMatchObject({ retryable, maybeCommitted: lost });
  expect(spoilsConnection(error)).toBe(lost);
  expect(isConflict(toDatabaseError(error, "committing"))).toBe(code === "40001" || code === "40P01");
});

test.each(["22P02", "23505", "P0001", "99999"])(
  "%s may quote values: neither message nor cause is kept",
  (code) => {
    const error = toDatabaseError(driverError({ code, column: "c" }), "committing", "messages.insert");
    expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain("secret");
    expect(error).toMatchObject({ code, column: "c", statement: "messages.insert" });
  },
);

test("a DatabaseError passes through unchanged", () => {
  const error = new DatabaseError("database: closed");
  expect(toDatabaseError(error, "committing")).toBe(error);
  expect(spoilsConnection(error)).toBe(false);
});

test("what is not even an error becomes one", () => {
  expect(toDatabaseError(undefined, "connecting").message).toBe(
    "cannot connect to the database: unknown failure",
  );
  const refused = Object.assign(new AggregateError([]), { code: "ECONNREFUSED" }); // IPv6 and IPv4 refused
  expect(toDatabaseError(refused, "connecting").message).toBe("cannot connect to the database: ECONNREFUSED");
});
