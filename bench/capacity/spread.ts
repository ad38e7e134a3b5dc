import { SeededRandom } from "../../test/cluster/seeded-random.js";
import { percentile } from "../run/statistics.js";

export interface SpreadOptions {
  readonly chats: number;
  readonly replicas: number;
  readonly subscribersPerChat: number;
  readonly inTurn: number;
  readonly seed: number;
}

/** How much more than the mean the replicas deliver. */
export interface Spread {
  readonly median: number;
  readonly p99: number;
  readonly busiest: number;
}

/** Chats beyond these change nothing: the spread is drawn from a part of the fleet that has as many for each replica. */
const mostChats = 2_000_000;

/**
 * Deals chats out to replicas, and counts what each of them delivers: one for each subscriber of a chat that is in a turn. `byChance`: each
 * subscriber comes to any replica; `byChat`: all of a chat come to the one that its id hashes to.
 */
export function spreadOf(options: SpreadOptions): { readonly byChance: Spread; readonly byChat: Spread } {
  return { byChance: deal(options, "byChance"), byChat: deal(options, "byChat") };
}

function deal(options: SpreadOptions, how: "byChance" | "byChat"): Spread {
  const { subscribersPerChat, inTurn, replicas } = options;
  const random = new SeededRandom(options.seed);
  const chats = Math.round(Math.min(options.chats, mostChats) * inTurn);
  const delivers = Array.from({ length: replicas }, () => 0);
  // One, and then others with the same chance each time: a few chats have many.
  const another = 1 - 1 / subscribersPerChat;
  const any = (): number => Math.floor(random.fraction() * replicas);
  for (let chat = 0; chat < chats; chat++) {
    const home = any();
    let at = home;
    do {
      delivers[at] = (delivers[at] ?? 0) + 1;
      at = how === "byChat" ? home : any();
    } while (random.fraction() < another);
  }
  const mean = delivers.reduce((all, one) => all + one, 0) / replicas;
  const sorted = delivers.sort((a, b) => a - b).map((one) => (mean === 0 ? 1 : one / mean));
  return { median: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), busiest: percentile(sorted, 1) };
}
