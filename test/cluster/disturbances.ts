import type { ClusterReplica } from "../../conformance/surroundings/cluster.js";
import type { TcpGate } from "../../conformance/surroundings/tcp-gate.js";
import { systemClock } from "../../src/platform/index.js";
import type { SeededRandom } from "./seeded-random.js";

interface Disturbance {
  readonly what: string;
  /** From how long to how long it lasts, in ms. */
  readonly lasts: readonly [number, number];
  begin(replica: ClusterReplica): Promise<void>;
  end(replica: ClusterReplica): Promise<void>;
}

const killed: Disturbance = {
  what: "SIGKILL",
  lasts: [0, 2_000],
  begin: (replica) => replica.kill(),
  end: (replica) => replica.restart(),
};

const terminated: Disturbance = {
  what: "SIGTERM",
  lasts: [0, 1_000],
  begin: async (replica) => {
    const { code, signal } = await replica.terminate();
    if (code !== 0) throw new Error(`after SIGTERM: ${code ?? signal ?? "?"}; ${replica.stderr}`);
  },
  end: (replica) => replica.restart(),
};

/** For less than the lease, or for more. */
const stopped: Disturbance = {
  what: "SIGSTOP",
  lasts: [500, 6_000],
  begin: (replica) => replica.stop(),
  end: async (replica) => replica.continue(),
};

function link(
  name: keyof ClusterReplica["links"],
  how: "sever" | "hold" | "blackHole",
  lasts: Disturbance["lasts"],
): Disturbance {
  const gate = (replica: ClusterReplica): TcpGate => replica.links[name];
  return {
    what: `${how} ${name}`,
    lasts,
    begin: async (replica) => void gate(replica)[how](),
    end: async (replica) => gate(replica).mend(),
  };
}

const all: readonly Disturbance[] = [
  killed,
  terminated,
  stopped,
  stopped,
  link("store", "sever", [0, 4_000]),
  link("store", "hold", [200, 4_000]),
  link("store", "blackHole", [200, 2_000]),
  link("bus", "sever", [0, 4_000]),
  link("bus", "blackHole", [200, 4_000]),
  link("relay", "sever", [0, 2_000]),
  link("relay", "hold", [200, 4_000]),
  link("relay", "blackHole", [200, 4_000]),
];

export interface DisturbOptions {
  readonly random: SeededRandom;
  /** Ends it: whatever is disturbed then is mended first. */
  readonly signal: AbortSignal;
  readonly onDisturbed: (replica: ClusterReplica, what: string) => void;
}

/**
 * Disturbs a replica, one way after the other with pauses between them, until the signal. What is disturbed how and for how long depends on
 * the seed alone.
 *
 * @throws when the replica ends by itself
 */
export async function disturb(
  replica: ClusterReplica,
  { random, signal, onDisturbed }: DisturbOptions,
): Promise<void> {
  let deck: Disturbance[] = [];
  while (await sleptFor(random.between(500, 4_000), signal)) {
    if (deck.length === 0) deck = random.shuffled(all);
    const next = deck.pop();
    if (next === undefined) continue;
    if (!replica.isRunning) throw new Error(`replica ${replica.index} ended by itself: ${replica.stderr}`);
    onDisturbed(replica, next.what);
    await next.begin(replica);
    try {
      await sleptFor(random.between(...next.lasts), signal);
    } finally {
      await next.end(replica);
    }
  }
}

/** False when the signal came first. */
export async function sleptFor(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await systemClock.sleep(ms, { signal });
    return true;
  } catch {
    return false;
  }
}
