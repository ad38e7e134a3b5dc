import { SeededRandom } from "../../test/cluster/seeded-random.js";

export interface StormOptions {
  /** Who lost their stream. */
  readonly subscribers: number;
  /** Who takes them. */
  readonly survivors: number;
  /** Subscriptions that each of them opens in a second with what it has left. */
  readonly perSecond: number;
  /** A replica that stops says so, and its clients wait only a moment; of one that dies they do not know it. */
  readonly how: "stops" | "dies";
  /** How long the load balancer still sends some to a replica that died. */
  readonly balancerSeconds: number;
  readonly seed: number;
}

export interface Storm {
  /** Until everybody has caught up. */
  readonly seconds: number;
  /** At one replica. */
  readonly longestQueue: number;
  /** For a subscriber, from the call to `caught_up`. */
  readonly longestWaitSeconds: number;
}

/** As src/client/backoff.ts and src/client/resume.ts have it; test/client/storm.test.ts compares. */
const firstDelaySeconds = 0.5;
const maxDelaySeconds = 15;
const stopJitterSeconds = 0.25;

/** How long a client waits after so many failures, by chance from [0, 1). */
export function clientDelaySeconds(failures: number, fraction: number, how: StormOptions["how"]): number {
  if (how === "stops" && failures === 1) return stopJitterSeconds * fraction;
  return Math.min(maxDelaySeconds, firstDelaySeconds * 2 ** (failures - 1)) * (1 - fraction / 2);
}

/**
 * Lets the subscribers of one replica come back to the others, each after its own delay and to any of them. Each of these serves them one
 * after the other, in the order in which they come.
 */
export function stormOf(options: StormOptions): Storm {
  const { subscribers, survivors, perSecond } = options;
  const random = new SeededRandom(options.seed);
  const arrivals: number[][] = Array.from({ length: survivors }, () => []);
  for (let subscriber = 0; subscriber < subscribers; subscriber++) {
    const at = arrivalOf(options, random);
    arrivals[Math.floor(random.fraction() * survivors)]?.push(at);
  }
  let storm: Storm = { seconds: 0, longestQueue: 0, longestWaitSeconds: 0 };
  for (const each of arrivals) {
    const served = serve(
      each.sort((a, b) => a - b),
      1 / perSecond,
    );
    storm = {
      seconds: Math.max(storm.seconds, served.seconds),
      longestQueue: Math.max(storm.longestQueue, served.longestQueue),
      longestWaitSeconds: Math.max(storm.longestWaitSeconds, served.longestWaitSeconds),
    };
  }
  return storm;
}

/** When it calls a replica that lives: a balancer that does not know better sends its share to the dead one. */
function arrivalOf({ survivors, how, balancerSeconds }: StormOptions, random: SeededRandom): number {
  let at = 0;
  for (let failures = 1; ; failures++) {
    at += clientDelaySeconds(failures, random.fraction(), how);
    const dead = how === "dies" && at < balancerSeconds && random.fraction() < 1 / (survivors + 1);
    if (!dead) return at;
  }
}

function serve(arrivals: readonly number[], serviceSeconds: number): Storm {
  const ends: number[] = [];
  let [free, left, longestQueue, longestWaitSeconds] = [0, 0, 0, 0];
  for (const at of arrivals) {
    free = Math.max(free, at) + serviceSeconds;
    ends.push(free);
    while ((ends[left] ?? at) < at) left++;
    longestQueue = Math.max(longestQueue, ends.length - left);
    longestWaitSeconds = Math.max(longestWaitSeconds, free - at);
  }
  return { seconds: free, longestQueue, longestWaitSeconds };
}
