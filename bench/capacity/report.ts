import { markdownTable } from "../run/table.js";
import { type Fleet, fleetOf, type Limit, limitsOf, postgresShare } from "./fleet.js";
import { postgresKinds, statementsPerSecond, type PostgresKind, type PostgresLoad } from "./load.js";
import type { Measured } from "./measured.js";
import { authenticating, subscribing, total } from "./operations.js";
import { type Spread, spreadOf } from "./spread.js";
import { type Storm, stormOf } from "./storm.js";
import type { Workload } from "./workload.js";

export interface FleetReport {
  /** Undefined where no number of replicas suffices: each would be busy with what all the others do. */
  readonly found: Found | undefined;
  readonly subscribers: number;
}

export interface Found {
  readonly fleet: Fleet;
  readonly spread: { readonly byChance: Spread; readonly byChat: Spread };
  /** Of what is left of the replicas, and of Postgres if anything is: where it is full, of the replicas alone. */
  readonly stops: Storm;
  readonly dies: Storm;
}

export interface CapacityReport {
  readonly measured: Measured;
  readonly workload: Workload;
  readonly fleets: readonly FleetReport[];
  readonly limits: readonly Limit[];
}

/** What fleets of these sizes need, and what breaks first. The same input gives the same report. */
export function capacityOf(measured: Measured, workload: Workload, sizes: readonly number[]): CapacityReport {
  return {
    measured,
    workload,
    fleets: sizes.map((subscribers) => {
      const fleet = fleetOf(measured, workload, subscribers);
      const suffices = Number.isFinite(fleet.replicas);
      return { subscribers, found: suffices ? lookAt(measured, workload, fleet) : undefined };
    }),
    limits: limitsOf(measured, workload),
  };
}

function lookAt(measured: Measured, workload: Workload, fleet: Fleet): Found {
  const { subscribersPerChat, inTurn, seed, cores, utilisation, balancerSeconds } = workload;
  const { replicas, load } = fleet;
  // A fleet of one has nobody who takes them: it comes back itself.
  const survivors = Math.max(1, replicas - 1);
  const ofReplica = (cores * (1 - utilisation)) / measured.subscribeCpu;
  const left = 1 - postgresShare(load);
  const ofPostgres =
    (statementsPerSecond(measured, workload) * left) / (total(subscribing) + total(authenticating));
  const perSecond = left > 0 ? Math.min(ofReplica, ofPostgres / survivors) : ofReplica;
  const subscribersOfOne = Math.round(fleet.subscribers / replicas);
  const storm = (how: "stops" | "dies"): Storm =>
    stormOf({ subscribers: subscribersOfOne, survivors, perSecond, how, balancerSeconds, seed });
  return {
    fleet,
    spread: spreadOf({ chats: load.chats, replicas, subscribersPerChat, inTurn, seed }),
    stops: storm("stops"),
    dies: storm("dies"),
  };
}

/** The fleets side by side, the first row being the head. */
export function fleetRows({ fleets, workload }: CapacityReport): readonly (readonly string[])[] {
  const row = (name: string, cell: (found: Found) => string): readonly string[] => [
    name,
    ...fleets.map(({ found }) => (found === undefined ? "no fleet can" : cell(found))),
  ];
  const each = (name: string, value: (fleet: Fleet) => number, unit = ""): readonly string[] =>
    row(name, ({ fleet }) => `${amount(value(fleet))}${unit}`);
  const busiest = ({ spread: { byChance, byChat } }: Found): string =>
    `+${percent(byChance.busiest - 1)}, +${percent(byChat.busiest - 1)}`;
  return [
    ["subscribers", ...fleets.map(({ subscribers }) => amount(subscribers))],
    each("chats that are watched", ({ load }) => load.chats),
    each("turns at a moment", ({ load }) => load.turns),
    each("turns that begin", ({ load }) => load.turnRate, "/s"),
    each("deltas delivered", ({ load }) => load.deliveries, "/s"),
    row("**replicas**", ({ fleet }) => `**${amount(fleet.replicas)}** (${fleet.decides})`),
    each("… by CPU", ({ byCpu }) => byCpu),
    each("… by memory", ({ byMemory }) => byMemory),
    each("… by reconnect storm", ({ byStorm }) => byStorm),
    each("a replica: cores busy", ({ load, replicas }) => load.cpuCores / replicas),
    row("… the busiest delivers, by chance, by chat", busiest),
    each("… subscribers", ({ subscribers, replicas }) => subscribers / replicas),
    each(
      "… turns (`PALAVER_CONCURRENT_TURNS`: above)",
      ({ load, replicas }) => load.turns / Math.max(1, replicas * workload.workers),
    ),
    row("… memory", ({ fleet }) => bytes(fleet.load.memoryBytes / fleet.replicas)),
    row("… to clients", ({ fleet }) => bits(fleet.load.clientBytes / fleet.replicas)),
    row("… to other replicas", ({ fleet }) => bits(fleet.load.relayBytes / fleet.replicas)),
    row("all replicas: memory", ({ fleet }) => bytes(fleet.load.memoryBytes)),
    row("… to clients", ({ fleet }) => bits(fleet.load.clientBytes)),
    each("… relay streams", ({ load }) => load.relayStreams),
    row("**Postgres, of the one in the bench**", ({ fleet }) => `**${percent(postgresShare(fleet.load))}**`),
    each("… transactions", (fleet) => ofPostgres(fleet, ({ transactions }) => transactions), "/s"),
    each("… rows written or dropped", (fleet) => ofPostgres(fleet, ({ rowsWritten }) => rowsWritten), "/s"),
    each("… rows passed over", (fleet) => ofPostgres(fleet, ({ rowsScanned }) => rowsScanned), "/s"),
    each("… connections (`max_connections`: above)", ({ replicas }) => replicas * workload.poolSize),
    ...postgresKinds.map((kind) => row(`… ${kind}`, ({ fleet }) => kindOf(fleet, kind))),
    row("**NATS, of the one in the bench**", ({ fleet }) => `**${percent(fleet.load.nats.share)}**`),
    each("… announcements", ({ load }) => load.nats.announcements, "/s"),
    each("… messages in and out", ({ load }) => load.nats.messages, "/s"),
    row("a replica stops: all are back after", ({ stops }) => stormCell(stops)),
    row("a replica dies: all are back after", ({ dies }) => stormCell(dies)),
  ];
}

/** What the bench measured, the first row being the head. */
export function measuredRows({ measured }: CapacityReport): readonly (readonly string[])[] {
  const us = (seconds: number): string => `${amount(seconds * 1e6)} µs`;
  return [
    ["measured", ""],
    ["CPU of a delta, shown to one subscriber of an idle replica", us(measured.firstDeliveryCpu)],
    ["… to one of a hundred", us(measured.furtherDeliveryCpu)],
    ["… over a relay, both sides", us(measured.relayWorkerCpu + measured.relayWatcherCpu)],
    ["CPU of a transition, without Postgres", us(measured.transitionCpu)],
    ["CPU of a subscription, until it has caught up", us(measured.subscribeCpu)],
    ["CPU of an announcement, until it is acknowledged", us(measured.notificationCpu)],
    ["memory of an idle subscriber", `${amount(measured.subscriberBytes / 1_024)} KiB`],
    ["bytes of a delta on the wire, beside its text", amount(measured.deltaOverheadBytes)],
    ["transitions that Postgres takes", `${amount(measured.transitionsPerSecond)}/s`],
    ["announcements that NATS takes", `${amount(measured.notificationsPerSecond)}/s`],
  ];
}

/** What is full when, the first row being the head. */
export function limitRows({ limits }: CapacityReport): readonly (readonly string[])[] {
  return [
    ["full", "at subscribers"],
    ...limits.map(({ part, subscribers }) => [
      part,
      Number.isFinite(subscribers) ? amount(subscribers) : "not before each replica is",
    ]),
  ];
}

/** In a sentence. */
export function breaksFirst({ limits, measured, workload }: CapacityReport): string {
  const [first] = limits;
  if (first === undefined || !Number.isFinite(first.subscribers)) return "Nothing breaks.";
  const { load } = fleetOf(measured, workload, first.subscribers);
  const byShare = postgresKinds.toSorted((a, b) => load.postgres[b].share - load.postgres[a].share);
  const largest = byShare
    .slice(0, 3)
    .map((kind) => `${kind} ${percent(load.postgres[kind].share)}`)
    .join(", ");
  const of = first.part === "Postgres" ? ` (${largest})` : "";
  return `Breaks first: ${first.part} at ${amount(first.subscribers)} subscribers${of}.`;
}

/** As a part of a page. */
export function markdownOf(report: CapacityReport): string {
  const tables = [measuredRows(report), fleetRows(report), limitRows(report)].map(markdownTable);
  return [...tables.slice(0, 2), breaksFirst(report), ...tables.slice(2)].join("\n\n");
}

function ofPostgres({ load }: Fleet, of: (load: PostgresLoad) => number): number {
  return Object.values(load.postgres).reduce((all, each) => all + of(each), 0);
}

function kindOf({ load }: Fleet, kind: PostgresKind): string {
  const { transactions, share } = load.postgres[kind];
  return `${percent(share)} (${amount(transactions)}/s)`;
}

function stormCell({ seconds, longestQueue, longestWaitSeconds }: Storm): string {
  return `${amount(seconds)} s; queue ${amount(longestQueue)}, wait ${amount(longestWaitSeconds)} s`;
}

/** Three digits that mean something. */
function amount(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 20 });
}

/** Where it is much more than all, how many times all. */
function percent(share: number): string {
  if (share >= 10) return `${amount(share)} ×`;
  return `${amount(share * 100)} %`;
}

function bytes(value: number): string {
  return value >= 2 ** 30 ? `${amount(value / 2 ** 30)} GiB` : `${amount(value / 2 ** 20)} MiB`;
}

function bits(bytesPerSecond: number): string {
  return `${amount((bytesPerSecond * 8) / 1e6)} Mbit/s`;
}
