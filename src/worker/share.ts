/** How many chats are acquired in one transaction, at most. */
const acquireBatch = 10;
/** More than a notification takes from one replica to another, and nothing beside what a model takes to answer. */
const maxGiveWayMs = 20;

export interface Load {
  /** How many turns may be at work here. */
  readonly capacity: number;
  /** How many are. */
  readonly busy: number;
  /** How many other replicas live and have room. */
  readonly othersWithRoom: number;
  /** How many turns all others are seen to run, of as many as they can; 0 where there are none. Between 0 and 1. */
  readonly othersUse: number;
}

/** How many chats to ask for. Fewer where others have room as well, so that what is released or orphaned in bulk is shared. */
export function chatsToAskFor({ capacity, busy, othersWithRoom }: Load): number {
  return Math.max(0, Math.min(capacity - busy, Math.ceil(acquireBatch / (1 + othersWithRoom))));
}

/**
 * How long to let others go first that have room: about full 20 ms, half full half as long, idle not at all. So new work goes to the replica
 * that runs the smallest part of what it can, and not always to the one that hears of it first; and a single chat never waits for that.
 */
export function giveWayMs({ capacity, busy, othersWithRoom }: Load): number {
  if (othersWithRoom === 0 || busy === 0 || busy >= capacity) return 0;
  return (maxGiveWayMs * busy) / capacity;
}

/** How much more than the others a worker runs before it tells them of what it could take: what comes by chance is shared by chance. */
const tolerance = 1.25;

/**
 * Whether a worker takes what clients leave on its own replica without a word to the others. It does as long as it runs no more than they do,
 * give or take a quarter and one turn; what it is asked for beyond that, all hear of.
 */
export function takesUnasked({ capacity, busy, othersWithRoom, othersUse }: Load): boolean {
  if (busy >= capacity) return false;
  return othersWithRoom === 0 || busy <= tolerance * othersUse * capacity + 1;
}
