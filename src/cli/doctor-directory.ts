import type { ReplicaRecord } from "../store/index.js";
import type { Finding } from "./doctor-finding.js";
import { formatSeconds, shortId } from "./replica-rows.js";

/** Clocks that are further apart than this are worth a word. */
const clocksNoteMs = 1_000;

/**
 * Clocks that are further apart than this are wrong. Who owns a chat does not depend on them: leases are measured by the database's clock
 * alone. What a replica stamps and another one or the database compares with its own time does: when a failed attempt is repeated (after a
 * second at first), when a client has had long enough to run its tools, and when a token expires, which ends open streams within 30 s.
 */
const clocksFailedMs = 10_000;

const clocksAdvice =
  "Synchronize the clocks (NTP): when retries are due, client tools time out and tokens expire goes by them. Leases do not.";

/** Whether the clocks of living replicas agree with the database's and with each other. Undefined when none has said. */
export function checkClocks(living: readonly ReplicaRecord[]): Finding | undefined {
  const check = "clocks";
  const known = living
    .flatMap(({ id, clockSkewMs }) => (clockSkewMs === undefined ? [] : [{ id, clockSkewMs }]))
    .sort((a, b) => a.clockSkewMs - b.clockSkewMs);
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  // The database's clock is one of them, and off by nothing.
  const apartMs = Math.max(last.clockSkewMs, 0) - Math.min(first.clockSkewMs, 0);
  if (apartMs <= clocksNoteMs)
    return { check, status: "ok", detail: `at most ${formatSeconds(apartMs)} apart` };
  const off = known
    .filter((one) => one === first || one === last || Math.abs(one.clockSkewMs) > clocksNoteMs)
    .map(({ id, clockSkewMs }) => `${shortId(id)} ${describeSkew(clockSkewMs)}`);
  return {
    check,
    status: apartMs > clocksFailedMs ? "failed" : "note",
    detail: off.join(", "),
    advice: clocksAdvice,
  };
}

function describeSkew(ms: number): string {
  if (Math.abs(ms) < 100) return "agrees with the database";
  return `is ${formatSeconds(Math.abs(ms))} ${ms < 0 ? "behind" : "ahead of"} the database`;
}

/** Whether the versions of living replicas can share a database and a bus: neighbours can, during a rolling update. */
export function checkVersions(living: readonly ReplicaRecord[]): Finding {
  const check = "versions";
  const versions = [...new Set(living.map(({ version }) => version))].sort((a, b) =>
    a.localeCompare(b, "en", { numeric: true }),
  );
  const detail = versions
    .map((version) => `${version} (${living.filter((replica) => replica.version === version).length})`)
    .join(", ");
  const [oldest, newest] = [versions[0], versions.at(-1)];
  if (oldest === undefined || newest === undefined || areNeighbours(oldest, newest))
    return { check, status: "ok", detail };
  return {
    check,
    status: "failed",
    detail,
    advice: "Only neighbouring versions can run together: update one minor version after the other.",
  };
}

/** Patches do not count. Which minor version was the last before a new major one cannot be told: any may have been. */
function areNeighbours(older: string, newer: string): boolean {
  if (older === newer) return true;
  const [a, b] = [numbersOf(older), numbersOf(newer)];
  if (a === undefined || b === undefined) return false;
  if (a.major === b.major) return b.minor - a.minor <= 1;
  return b.major - a.major === 1 && b.minor === 0;
}

function numbersOf(version: string): { major: number; minor: number } | undefined {
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version) ?? [];
  return major === undefined || minor === undefined
    ? undefined
    : { major: Number(major), minor: Number(minor) };
}
