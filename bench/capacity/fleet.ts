import { type Load, loadOf, type PostgresKind, postgresKinds } from "./load.js";
import type { Measured } from "./measured.js";
import type { Workload } from "./workload.js";

/** Why not fewer replicas. */
export type Reason = "CPU" | "memory" | "reconnect storm" | "the least that is used";

export interface Fleet {
  readonly subscribers: number;
  readonly replicas: number;
  readonly decides: Reason;
  /** How many each of them asks for. */
  readonly byCpu: number;
  readonly byMemory: number;
  readonly byStorm: number;
  readonly load: Load;
}

/** More replicas than anybody has: if they do not suffice, no number does. */
const most = 1_000_000;

/** The smallest fleet that carries so many subscribers. A number of replicas is Infinity where none suffices. */
export function fleetOf(measured: Measured, workload: Workload, subscribers: number): Fleet {
  const { cores, utilisation, memoryGib, memoryUse, stormSeconds, minReplicas } = workload;
  const load = (replicas: number): Load => loadOf(measured, workload, subscribers, replicas);
  const byCpu = fewest((replicas) => load(replicas).cpuCores / replicas <= cores * utilisation);
  const memory = memoryGib * memoryUse * 2 ** 30;
  const byMemory = fewest((replicas) => load(replicas).memoryBytes / replicas <= memory);
  // What a replica carried comes to the others, which have the rest of their cores for it.
  const spareCores = cores * (1 - utilisation);
  const storm = subscribers * measured.subscribeCpu;
  const byStorm = fewest(
    (replicas) => replicas > 1 && storm / replicas / (replicas - 1) <= stormSeconds * spareCores,
  );
  const replicas = Math.max(minReplicas, byCpu, byMemory, byStorm);
  const reasons: Record<Reason, number> = {
    "the least that is used": minReplicas,
    CPU: byCpu,
    memory: byMemory,
    "reconnect storm": byStorm,
  };
  const decides = (Object.keys(reasons) as Reason[]).find((reason) => reasons[reason] === replicas) ?? "CPU";
  return { subscribers, replicas, decides, byCpu, byMemory, byStorm, load: load(Math.min(replicas, most)) };
}

/** What can be full, however many replicas there are. */
export type Part = "Postgres" | `Postgres: ${PostgresKind}` | "NATS" | "each replica";

export interface Limit {
  readonly part: Part;
  /** With so many subscribers it is full, were it alone. Infinity: never, or not before each replica is. */
  readonly subscribers: number;
}

const manySubscribers = 1e9;

/** What breaks, first of all first. Within Postgres also each kind by itself: what would be left if the others were taken away. */
export function limitsOf(measured: Measured, workload: Workload): readonly Limit[] {
  // From here on each replica has too much to do with what all the others do.
  const noFleet = lowest(
    (subscribers) => !Number.isFinite(fleetOf(measured, workload, subscribers).replicas),
    manySubscribers,
  );
  const full = (share: (fleet: Fleet) => number): number => {
    const isFull = (subscribers: number): boolean => share(fleetOf(measured, workload, subscribers)) > 1;
    const at = lowest((subscribers) => subscribers >= noFleet || isFull(subscribers), manySubscribers);
    return at === noFleet ? Number.POSITIVE_INFINITY : at;
  };
  const limits: Limit[] = [
    { part: "Postgres", subscribers: full(({ load }) => postgresShare(load)) },
    ...postgresKinds.map((kind): Limit => {
      return { part: `Postgres: ${kind}`, subscribers: full(({ load }) => load.postgres[kind].share) };
    }),
    { part: "NATS", subscribers: full(({ load }) => load.nats.share) },
    { part: "each replica", subscribers: noFleet },
  ];
  return limits.sort((a, b) => a.subscribers - b.subscribers);
}

/** Of all that Postgres can do. */
export function postgresShare({ postgres }: Load): number {
  return Object.values(postgres).reduce((all, { share }) => all + share, 0);
}

/** The smallest number from 1 on of which it holds, given that it holds of all greater ones too. */
function fewest(holds: (replicas: number) => boolean): number {
  return lowest(holds, most);
}

function lowest(holds: (value: number) => boolean, limit: number): number {
  let high = 1;
  while (!holds(high)) {
    if (high >= limit) return Number.POSITIVE_INFINITY;
    high *= 2;
  }
  for (let low = Math.floor(high / 2); high - low > 1; ) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}
