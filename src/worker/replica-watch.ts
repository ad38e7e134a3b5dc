import type { Clock } from "../platform/index.js";

/** What another replica told of itself with its last heartbeat. */
export interface SeenReplica {
  readonly id: string;
  readonly heartbeatAgeMs: number;
  readonly capacity: number;
  readonly turns: number;
}

/** Our clock and the database's may measure the same time a little differently; to look too early would be to look in vain. */
const marginMs = 50;

/**
 * The other replicas, as they were seen last: which of them live, and for how long each of them may be silent. Says when a lease runs
 * out, so that the chats of a replica that died are acquired then, and not when somebody happens to look.
 */
export class ReplicaWatch implements Disposable {
  readonly #options: { selfId: string; leaseMs: number; clock: Clock; onLapse: () => void };
  /** One for each that was seen alive; it fires unless that one is seen with a newer heartbeat before. */
  readonly #lapses = new Map<string, Disposable>();
  #withRoom = 0;
  #use = 0;

  constructor(options: { selfId: string; leaseMs: number; clock: Clock; onLapse: () => void }) {
    this.#options = options;
  }

  /** How many others live and run less than they can. */
  get withRoom(): number {
    return this.#withRoom;
  }

  /** How many turns the others that live run, of as many as they can; 0 where there are none. */
  get use(): number {
    return this.#use;
  }

  /** Takes what the directory says now. This replica and dead ones may be part of it. */
  see(replicas: readonly SeenReplica[]): void {
    const { selfId, leaseMs, clock, onLapse } = this.#options;
    const living = replicas.filter(({ id, heartbeatAgeMs }) => id !== selfId && heartbeatAgeMs < leaseMs);
    this.#withRoom = living.filter(({ turns, capacity }) => turns < capacity).length;
    const sum = (of: (replica: SeenReplica) => number): number =>
      living.reduce((all, replica) => all + of(replica), 0);
    this.#use =
      sum(({ turns }) => turns) /
      Math.max(
        1,
        sum(({ capacity }) => capacity),
      );
    for (const { id, heartbeatAgeMs } of living) {
      this.#lapses.get(id)?.[Symbol.dispose]();
      const lapse = clock.timer(leaseMs - heartbeatAgeMs + marginMs, () => {
        this.#lapses.delete(id);
        onLapse();
      });
      this.#lapses.set(id, lapse);
    }
  }

  [Symbol.dispose](): void {
    for (const lapse of this.#lapses.values()) lapse[Symbol.dispose]();
    this.#lapses.clear();
  }
}
