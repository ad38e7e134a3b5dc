import { expect, test } from "vitest";
import type { ReplicaRecord } from "../store/index.js";
import { checkClocks, checkVersions } from "./doctor-directory.js";

function replica(given: Partial<ReplicaRecord>): ReplicaRecord {
  return {
    id: "aaaaaaaa-0000-4000-8000-000000000000",
    advertisedUrl: "http://a:7718",
    version: "0.1.0",
    startedAt: new Date(0),
    capacity: 8,
    turns: 0,
    heartbeatAgeMs: 0,
    clockSkewMs: 0,
    ...given,
  };
}

const clocks = (...skews: (number | undefined)[]) =>
  checkClocks(
    skews.map((clockSkewMs, index) =>
      replica({ id: `${String(index).repeat(8)}-0000-4000-8000-000000000000`, clockSkewMs }),
    ),
  );

test.each([
  [[0], "ok", "at most 0s apart"],
  [[-400, 600], "ok", "at most 1s apart"],
  [[5, 1_001], "note", "00000000 agrees with the database, 11111111 is 1s ahead of the database"],
  [[-10_000], "note", "00000000 is 10s behind the database"],
  [[-10_001], "failed", "00000000 is 10s behind the database"],
  [[60_000, undefined], "failed", "00000000 is 60s ahead of the database"],
  // Neither is far from the database, but from each other.
  [[-600, 600], "note", "00000000 is 0.6s behind the database, 11111111 is 0.6s ahead of the database"],
  [[-6_000, 0, 6_000], "failed", "00000000 is 6s behind the database, 22222222 is 6s ahead of the database"],
])("clocks that are off by %j ms: %s", (skews, status, detail) => {
  expect(clocks(...skews)).toMatchObject({ check: "clocks", status, detail });
});

test("clocks that are apart are told with what goes by them", () => {
  expect(clocks(0)?.advice).toBeUndefined();
  expect(clocks(2_000)?.advice).toMatch(/NTP.*retries.*tools.*tokens.*Leases do not/);
});

test("of clocks that nobody told about nothing is said", () => {
  expect(clocks(undefined)).toBeUndefined();
  expect(clocks()).toBeUndefined();
});

test.each([
  [["0.1.0"], "ok", "0.1.0 (1)"],
  [["0.2.0", "0.1.0", "0.2.0"], "ok", "0.1.0 (1), 0.2.0 (2)"],
  [["0.9.3", "0.10.0"], "ok", "0.9.3 (1), 0.10.0 (1)"],
  [["1.4.0", "1.4.7"], "ok", "1.4.0 (1), 1.4.7 (1)"],
  [["1.9.0", "2.0.1"], "ok", "1.9.0 (1), 2.0.1 (1)"],
  [["0.1.0", "0.2.0", "0.3.0"], "failed", "0.1.0 (1), 0.2.0 (1), 0.3.0 (1)"],
  [["1.9.0", "2.1.0"], "failed", "1.9.0 (1), 2.1.0 (1)"],
  [["1.0.0", "3.0.0"], "failed", "1.0.0 (1), 3.0.0 (1)"],
  [["0.1.0", "a build"], "failed", "0.1.0 (1), a build (1)"],
])("versions %j that run together: %s", (versions, status, detail) => {
  expect(checkVersions(versions.map((version) => replica({ version })))).toMatchObject({
    check: "versions",
    status,
    detail,
  });
});
