import type { Measured } from "./measured.js";
import {
  announcementsOfTurn,
  authenticating,
  chatsPerPoll,
  effortOf,
  heartbeat,
  lookingEverywhere,
  lookingForWork,
  measuredTransitions,
  readingList,
  relayReadsOfTurn,
  rowsOfTurn,
  type Statements,
  subscribing,
  subscriberReadsOfTurn,
  total,
  transactionsOf,
  transitionsOfTurn,
  type TurnShape,
  weightOf,
  workerReadsOfTurn,
} from "./operations.js";
import type { Workload } from "./workload.js";

export const postgresKinds = [
  "transitions",
  "checkpoints",
  "search for work",
  "search for what was left",
  "leases",
  "polls",
  "subscribers' reads",
  "workers' reads",
  "relay owners",
  "authentication",
] as const;

export type PostgresKind = (typeof postgresKinds)[number];

/** What Postgres is asked for in a second. */
export interface PostgresLoad {
  readonly transactions: number;
  readonly statements: number;
  /** What they cost whoever sends them, in light statements. */
  readonly effort: number;
  readonly rowsWritten: number;
  /** Rows that are looked at and passed over. */
  readonly rowsScanned: number;
  /** Of what the Postgres of the bench can do; 1 is all of it. */
  readonly share: number;
}

/** What a fleet of so many replicas does in a second. */
export interface Load {
  readonly chats: number;
  readonly turns: number;
  /** Turns that begin. */
  readonly turnRate: number;
  readonly deliveries: number;
  readonly watchedChats: number;
  readonly relayStreams: number;
  readonly cpuCores: number;
  readonly memoryBytes: number;
  readonly clientBytes: number;
  readonly relayBytes: number;
  readonly postgres: Readonly<Record<PostgresKind, PostgresLoad>>;
  readonly nats: NatsLoad;
}

export interface NatsLoad {
  /** Announcements, which are acknowledged. */
  readonly announcements: number;
  /** All messages to and from the servers. */
  readonly messages: number;
  readonly share: number;
}

/** An announcement of P14: to the chat's subject, to its owner's, and the acknowledgement. */
const messagesOfAnnouncement = 3;
const weightPerTransition = weightOf(measuredTransitions.statements) / measuredTransitions.transitions;
const effortPerTransition = effortOf(measuredTransitions.statements) / measuredTransitions.transitions;
/** Text is held as it is while it streams, and once more in what is sent. */
const copiesOfText = 2;
/** Replicas look after 80 to 100 % of `PALAVER_POLL` (src/bus/polled-bus.ts). */
const pollFactor = 0.9;

export function turnShapeOf({ modelSteps, callsPerStep }: Workload): TurnShape {
  return { modelSteps, toolSteps: modelSteps - 1, calls: callsPerStep };
}

/** Adds up what so many subscribers cause on so many replicas. Grows with the subscribers. */
export function loadOf(measured: Measured, workload: Workload, subscribers: number, replicas: number): Load {
  const chats = subscribers / workload.subscribersPerChat;
  const turns = chats * workload.inTurn;
  const turnRate = turns / workload.turnSeconds;
  const deltas = turns * workload.deltasPerSecond;
  const watching = watchersOf(workload, replicas);
  const watchedChats = chats * watching.replicas;
  const subscriptions = (subscribers * workload.reconnectsPerHour) / 3_600;
  const shape = turnShapeOf(workload);
  const announcements = turnRate * announcementsOfTurn(shape);

  const workers = Math.max(1, replicas * workload.workers);
  const announcedRate = turnRate * announcedOf(workload);
  const looks = workers * looksForWork(workload, announcedRate, workers);
  const polls = replicas / (workload.pollSeconds * pollFactor);
  const pollStatements = Math.max(polls, (watchedChats / chatsPerPoll) * (polls / replicas));
  const beats = replicas / workload.heartbeatSeconds;
  const checkpoints = Math.min(workers, turns) / workload.checkpointSeconds;
  const checkpointRows = turns * Math.min(1 / workload.checkpointSeconds, workload.deltasPerSecond);
  const listReads = subscribers * workload.listWatchers * (1 / workload.pollSeconds + announcements / chats);
  const postgres: Record<PostgresKind, PostgresLoad> = {
    transitions: postgresLoad(measured, workload, {
      statements: transitionsOfTurn(shape),
      rate: turnRate,
      rowsWritten: turnRate * rowsOfTurn(shape),
    }),
    checkpoints: postgresLoad(measured, workload, {
      statements: { append_checkpoint_deltas: 1 },
      rate: checkpoints,
      // Each is written and, when its step is over, dropped.
      rowsWritten: checkpointRows * 2,
      bulkRows: checkpointRows,
    }),
    "search for work": postgresLoad(measured, workload, { statements: lookingForWork, rate: looks }),
    "search for what was left": postgresLoad(measured, workload, {
      statements: lookingEverywhere,
      rate: polls,
      rowsScanned: polls * turns,
    }),
    leases: postgresLoad(measured, workload, {
      statements: heartbeat,
      rate: beats,
      rowsWritten: beats,
      rowsRead: beats * replicas,
    }),
    polls: postgresLoad(measured, workload, {
      statements: { select_chat_heads: pollStatements, select_expired_actions: polls },
      rowsRead: watchedChats / (workload.pollSeconds * pollFactor),
    }),
    "subscribers' reads": postgresLoad(measured, workload, {
      statements: combined(
        [subscriberReadsOfTurn(shape), turnRate * workload.subscribersPerChat],
        [subscribing, subscriptions],
        [readingList, listReads],
      ),
    }),
    "workers' reads": postgresLoad(measured, workload, {
      statements: workerReadsOfTurn(shape),
      rate: turnRate,
    }),
    "relay owners": postgresLoad(measured, workload, {
      statements: relayReadsOfTurn,
      rate: turnRate * watching.elsewhere,
    }),
    authentication: postgresLoad(measured, workload, {
      statements: authenticating,
      rate: turnRate + subscriptions,
      rowsWritten: turnRate + subscriptions,
    }),
  };

  // Others hear of the chat where it is watched or run, and all hear that there is work, unless it is taken.
  const heard = announcements * watching.elsewhere + announcedRate * (replicas - 1);
  const messages = announcements * messagesOfAnnouncement + announcedRate + heard;
  const nats = {
    announcements,
    messages,
    share: messages / (measured.notificationsPerSecond * messagesOfAnnouncement * workload.nats),
  };

  const perStatement = measured.transitionCpu / effortPerTransition;
  const effort = Object.values(postgres).reduce((all, each) => all + each.effort, 0);
  const looked = watchedChats / (workload.pollSeconds * pollFactor) + beats * replicas;
  // A delta that comes while the process is busy does not wake it, and is as cheap as one among many.
  const wakes = 1 - workload.utilisation;
  const firstDeliveryCpu = wakes * measured.firstDeliveryCpu + (1 - wakes) * measured.furtherDeliveryCpu;
  const keepalives = subscribers / workload.keepaliveSeconds;
  const cpuCores =
    deltas *
      (firstDeliveryCpu +
        (workload.subscribersPerChat - 1) * measured.furtherDeliveryCpu +
        watching.elsewhere * (measured.relayWorkerCpu + measured.relayWatcherCpu)) +
    (effort + looked * workload.readRowCost) * perStatement +
    (announcements + heard) * measured.notificationCpu +
    keepalives * measured.keepaliveCpu +
    subscriptions * measured.subscribeCpu;

  const deltaBytes = measured.deltaOverheadBytes + workload.deltaBytes;
  const deliveries = deltas * workload.subscribersPerChat;
  const heldText = turns * workload.deltasPerSecond * (workload.turnSeconds + workload.resumeSeconds);
  return {
    chats,
    turns,
    turnRate,
    deliveries,
    watchedChats,
    relayStreams: turns * watching.elsewhere,
    cpuCores,
    memoryBytes:
      replicas * workload.baseMib * 2 ** 20 +
      subscribers * measured.subscriberBytes +
      watchedChats * workload.chatKib * 2 ** 10 +
      heldText * workload.deltaBytes * copiesOfText * (1 + watching.elsewhere),
    // What was shown in deltas comes once more as a message.
    clientBytes: deliveries * (deltaBytes + workload.deltaBytes) + keepalives * measured.deltaOverheadBytes,
    relayBytes: deltas * watching.elsewhere * deltaBytes,
    postgres,
    nats,
  };
}

/**
 * On how many replicas a chat is watched, and on how many beside the one that runs it, where a load balancer knows nothing of chats. With
 * affinity the subscribers are where the turn is.
 */
function watchersOf(
  { subscribersPerChat, affinity }: Workload,
  replicas: number,
): { readonly replicas: number; readonly elsewhere: number } {
  const byChance = subscribersPerChat * (1 - affinity);
  const missed = (1 - 1 / replicas) ** byChance;
  const elsewhere = (replicas - 1) * (1 - missed);
  // Subscribers who are there by design are on one replica, whatever their number.
  const here = affinity > 0 ? 1 : 1 - missed;
  return { replicas: elsewhere + here, elsewhere };
}

/** The share of the turns that no worker takes as they are left, on a replica that runs turns itself (src/worker/worker.ts, `reserve`). */
function announcedOf({ announced, workers }: Workload): number {
  return 1 - workers * (1 - announced);
}

/**
 * How often a worker looks for work: whenever so much is announced, or a poll is due. What comes while it looks, or lets others go first,
 * leads to one more look (src/worker/worker.ts, `#acquireLoop`).
 */
function looksForWork({ giveWayMs, pollSeconds }: Workload, announcedRate: number, workers: number): number {
  const wakes = announcedRate + 1 / pollSeconds;
  const busySeconds = workers > 1 ? giveWayMs / 1_000 : 0;
  return 1 / (busySeconds + Math.exp(-wakes * busySeconds) / wakes);
}

/** `rate`: how often a second the statements are sent; 1 where they are rates already. */
function postgresLoad(
  measured: Measured,
  workload: Workload,
  {
    statements,
    rate = 1,
    rowsWritten = 0,
    bulkRows = 0,
    rowsScanned = 0,
    rowsRead = 0,
  }: {
    readonly statements: Statements;
    readonly rate?: number;
    readonly rowsWritten?: number;
    readonly bulkRows?: number;
    readonly rowsScanned?: number;
    readonly rowsRead?: number;
  },
): PostgresLoad {
  const work =
    weightOf(statements) * rate +
    bulkRows * workload.bulkRowCost +
    rowsScanned * workload.scanRowCost +
    rowsRead * workload.readRowCost;
  return {
    transactions: transactionsOf(statements) * rate,
    statements: total(statements) * rate,
    effort: effortOf(statements) * rate,
    rowsWritten,
    rowsScanned,
    share: work / statementsPerSecond(measured, workload),
  };
}

/** All that Postgres can do, in light statements: as much as it did in P7. */
export function statementsPerSecond({ transitionsPerSecond }: Measured, { postgres }: Workload): number {
  return transitionsPerSecond * weightPerTransition * postgres;
}

function combined(...all: readonly (readonly [Statements, number])[]): Statements {
  const result: Record<string, number> = {};
  for (const [statements, rate] of all)
    for (const [name, count] of Object.entries(statements)) result[name] = (result[name] ?? 0) + count * rate;
  return result;
}
