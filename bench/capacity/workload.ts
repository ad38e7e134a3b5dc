import * as z from "zod";

const number = z.number();
const rate = number.min(0);
const share = number.min(0).max(1);
const amount = number.positive();
const count = z.int().min(1);

/** What people do with the fleet, and what it is made of. Every number has a default and a flag of its name. */
export const workloadSchema = z.strictObject({
  subscribersPerChat: number
    .min(1)
    .default(1.2)
    .describe("subscribers that watch a chat, of those that are watched"),
  inTurn: share.default(0.05).describe("share of the watched chats that are in a turn at a moment"),
  turnSeconds: amount.default(30).describe("how long a turn takes"),
  deltasPerSecond: rate.default(50).describe("deltas that a turn shows in a second"),
  deltaBytes: amount.default(5).describe("bytes of text in a delta"),
  modelSteps: count.default(2).describe("model calls of a turn; between two of them tools run"),
  callsPerStep: count.default(1).describe("tool calls that run side by side"),
  affinity: share
    .default(0)
    .describe("share of subscriptions that reach the replica which runs their chat by design, not by chance"),
  reconnectsPerHour: rate
    .default(4)
    .describe("how often a subscriber comes back: a phone that slept, a network that changed"),
  listWatchers: rate.default(0).describe("open lists of chats (WatchChats) for each subscriber"),
  stormSeconds: amount
    .default(60)
    .describe("within which the subscribers of a replica that went are served again"),
  balancerSeconds: rate.default(5).describe("how long the load balancer still sends to a replica that died"),
  cores: amount.default(1).describe("cores of a replica: one process, which hardly uses more than one"),
  memoryGib: amount.default(2).describe("memory of a replica"),
  utilisation: number
    .positive()
    .max(0.95)
    .default(0.5)
    .describe("share of the cores that may be busy on an ordinary day"),
  memoryUse: number.positive().max(1).default(0.7).describe("share of the memory that may be in use"),
  minReplicas: count.default(2).describe("fewer are never used, so that one may go"),
  workers: number
    .positive()
    .max(1)
    .default(1)
    .describe("share of the replicas that run turns; the others have PALAVER_CONCURRENT_TURNS=0"),
  baseMib: rate.default(200).describe("memory of a replica without subscribers"),
  chatKib: rate
    .default(4)
    .describe("memory of a watched chat beside its subscribers: relay, NATS subscription"),
  poolSize: count.default(10).describe("PALAVER_DATABASE_POOL_SIZE"),
  pollSeconds: amount.default(10).describe("PALAVER_POLL"),
  heartbeatSeconds: amount.default(3).describe("PALAVER_HEARTBEAT"),
  checkpointSeconds: amount.default(0.5).describe("PALAVER_CHECKPOINT_INTERVAL"),
  keepaliveSeconds: amount.default(15).describe("PALAVER_KEEPALIVE"),
  resumeSeconds: rate.default(30).describe("PALAVER_RESUME_GRACE"),
  announced: share
    .default(0.05)
    .describe(
      "share of the turns that all workers hear of, because their own replica runs more than the others",
    ),
  giveWayMs: amount
    .default(10)
    .describe("how long a worker lets others go first, on average: half of what it does at most"),
  bulkRowCost: rate.default(0.1).describe("a row of a checkpoint, written and dropped, in statements"),
  scanRowCost: rate
    .default(0.001)
    .describe("a running chat that is passed over in the search for work, in statements"),
  readRowCost: rate.default(0.02).describe("a row that a replica reads beside others, in statements"),
  postgres: amount.default(1).describe("how many times faster Postgres is than the one of the bench"),
  nats: amount.default(1).describe("how many times faster NATS is than the one of the bench"),
  seed: z.int().default(1).describe("of the simulations"),
});

export type Workload = z.infer<typeof workloadSchema>;

/** One for each number, such as `--turn-seconds`. */
export const workloadFlags = Object.entries(workloadSchema.shape).map(([key, schema]) => ({
  key,
  flag: `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} <number>`,
  about: schema.description ?? "",
  default: schema.parse(undefined),
}));
