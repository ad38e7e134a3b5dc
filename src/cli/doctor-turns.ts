import type { Clock } from "../platform/index.js";
import { type Database, readStuckLeases, type ReplicaRecord, type StuckLease } from "../store/index.js";
import type { Finding } from "./doctor-finding.js";

/** A replica looks for work once per poll; what it then finds it may need this long to take. */
const slackMs = 5_000;
/** How long to wait before looking again: a chat that was handed over just now is taken by then. */
const againMs = 1_000;
/** More than this many need not be counted. */
const limit = 1_000;

const whose: Readonly<Record<StuckLease["kind"], string>> = {
  unowned: "that nobody took",
  owner_dead: "whose worker is dead",
  owner_gone: "whose worker is gone",
};

/** Whether there are turns that somebody should run and nobody does. */
export async function checkTurns(
  database: Database,
  living: readonly ReplicaRecord[],
  { leaseMs, pollMs, clock }: { leaseMs: number; pollMs: number; clock: Clock },
): Promise<Finding> {
  const check = "turns";
  const look = (): Promise<StuckLease[]> =>
    readStuckLeases(database, { leaseMs, patienceMs: pollMs + slackMs, limit });
  let stuck = await look();
  if (stuck.length > 0) {
    const before = new Map(stuck.map(({ chatId, snapshotVersion }) => [chatId, snapshotVersion]));
    await clock.sleep(againMs);
    stuck = (await look()).filter(({ chatId, snapshotVersion }) => before.get(chatId) === snapshotVersion);
  }
  if (stuck.length === 0)
    return { check, status: "ok", detail: "none waits for a worker that does not come" };
  const detail = describe(stuck);
  if (living.length === 0) {
    const advice = "A replica runs them when it starts: npx palaver serve";
    return { check, status: "note", detail, advice };
  }
  if (living.every(isFull)) {
    const advice = "All replicas are full: start more of them, or raise PALAVER_CONCURRENT_TURNS.";
    return { check, status: "note", detail, advice };
  }
  const advice = "There are replicas that have room. Their logs say why they take nothing.";
  return { check, status: "failed", detail, advice };
}

/** One of a version that does not say how many turns it runs counts as one with room. */
function isFull({ turns, capacity, clockSkewMs }: ReplicaRecord): boolean {
  return clockSkewMs !== undefined && turns >= capacity;
}

function describe(stuck: readonly StuckLease[]): string {
  const kinds = (Object.keys(whose) as StuckLease["kind"][]).flatMap((kind) => {
    const count = stuck.filter((one) => one.kind === kind).length;
    return count === 0 ? [] : [`${count} ${whose[kind]}`];
  });
  const count = stuck.length === limit ? `${limit} or more` : String(stuck.length);
  return `${count} waiting to be run: ${kinds.join(", ")}; for example chat ${stuck[0]?.chatId ?? ""}`;
}
