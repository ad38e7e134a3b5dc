import type { ReplicaRecord } from "../store/index.js";
import { type Cell, formatAge } from "./table.js";
import { safeLine } from "./terminal-text.js";
import type { Colors } from "./terminal.js";

/** Enough of a replica's id to tell it from others. */
export function shortId(id: string): string {
  return safeLine(id).slice(0, 8);
}

/** Whether others may not take over its chats yet. */
export function isAlive({ heartbeatAgeMs }: ReplicaRecord, leaseMs: number): boolean {
  return heartbeatAgeMs < leaseMs;
}

/** A short time, in seconds: `2s`, `1.4s`. */
export function formatSeconds(ms: number): string {
  return `${Number((ms / 1_000).toFixed(1))}s`;
}

/** The rows of the list of replicas, with a heading. */
export function replicaRows(
  replicas: readonly ReplicaRecord[],
  { leaseMs, now, colors }: { leaseMs: number; now: Date; colors: Colors },
): Cell[][] {
  const heading = ["ID", "STATE", "VERSION", "TURNS", "BEAT", "STARTED", "CLOCK", "URL"].map((text) => ({
    text,
    paint: colors.dim,
  }));
  return [
    heading,
    ...replicas.map((replica): Cell[] => {
      const { id, version, turns, capacity, heartbeatAgeMs, startedAt, clockSkewMs, advertisedUrl } = replica;
      return [
        { text: shortId(id) },
        isAlive(replica, leaseMs)
          ? { text: "alive", paint: colors.green }
          : { text: "dead", paint: colors.red },
        { text: safeLine(version) },
        { text: `${turns}/${capacity}` },
        { text: heartbeatAgeMs < 60_000 ? formatSeconds(heartbeatAgeMs) : ageOf(heartbeatAgeMs, now) },
        { text: formatAge(startedAt, now) },
        { text: clockSkewMs === undefined ? "-" : formatSkew(clockSkewMs) },
        { text: advertisedUrl === undefined ? "-" : safeLine(advertisedUrl) },
      ];
    }),
  ];
}

function ageOf(ms: number, now: Date): string {
  return formatAge(new Date(now.getTime() - ms), now);
}

/** `+1.4s` is ahead of the database, `-0.2s` behind. */
function formatSkew(ms: number): string {
  const seconds = Math.round(ms / 100) / 10;
  return `${seconds > 0 ? "+" : ""}${seconds.toFixed(1)}s`;
}
