import type { MessageRecord } from "../protocol/index.js";
import { andThen, type Applied, type Change, mayHaveDeltas } from "./apply-transition.js";
import type { BareTurns } from "./bare-turns.js";
import type { ChatState } from "./chat-state.js";

/** A chat that a worker has got. */
export interface Acquired extends Applied {
  /** Whether it had an owner: one that gave no sign of life, or the worker itself, which had given it up. */
  readonly takenOver: boolean;
  /** How long it stood there for anyone to acquire; undefined when somebody had begun to work on it before. */
  readonly waitedMs: number | undefined;
  /** Whether the next attempt was begun with it. */
  readonly begun: boolean;
  /** What its history is, for the model; undefined where that was not asked, or could not be read. */
  readonly history?: Promise<readonly MessageRecord[] | undefined> | undefined;
}

/** Room for one more turn at a worker, kept for a chat while a client's request that leaves it to be run is carried out. */
export interface Place extends Disposable {
  readonly workerId: string;
  /** What the chat's history is now, for the model. */
  readonly readHistory?: () => Promise<readonly MessageRecord[]>;
  /** The chat is the worker's, which runs it. */
  run(acquired: Acquired): void;
  /** The place is free again. If it was not run, the worker may own the chat all the same: the answer to its commit may have got lost. */
  [Symbol.dispose](): void;
}

/** A place for that chat at a worker of this process; undefined if there is none that takes it unasked. */
export type ReservePlace = (chatId: string) => Place | undefined;

/**
 * A request of a client that may leave a chat to be run. If a worker of this process has a place for it, the same commit makes the chat that
 * worker's and begins the next attempt, unless that is to come later: so nobody has to be told of it, or to look for it.
 */
export class Taking implements Disposable {
  readonly #reserve: ReservePlace;
  readonly #bare: BareTurns;
  #place: Place | undefined;
  #taken: { readonly left: ChatState; readonly change: Change; readonly begun: boolean } | undefined;
  #historyBefore: Acquired["history"];

  constructor(reserve: ReservePlace, bare: BareTurns) {
    this.#reserve = reserve;
    this.#bare = bare;
  }

  /**
   * What is to be written of that chat: what the request changes, and that it is taken. May be asked again; the last answer counts. `chat`: it is
   * `new`, or it is not read, and `believed` to be what it was; then its history is asked at the same time, and is what it was if that is true.
   */
  extend(chatId: string, change: Change, chat?: "new" | "believed"): Change {
    this.#taken = undefined;
    this.#historyBefore = undefined;
    if (!isOpenToAll(change.after)) return change;
    this.#place ??= this.#reserve(chatId);
    if (this.#place === undefined) return change;
    const { workerId } = this.#place;
    const acquired = andThen(change, { type: "Acquire", workerId });
    if (acquired === undefined) return change;
    const { phase, leaseEpoch, versions, generationAttempt, openCalls } = acquired.after;
    const fence = { workerId, leaseEpoch };
    const attempt = { historyVersion: versions.history, generationAttempt };
    // Tools are to be run first, or a failed attempt is to be repeated later.
    const isDue = openCalls.length === 0 && !("retry" in phase && phase.retry !== undefined);
    const begun = isDue ? andThen(acquired, { type: "BeginAttempt", fence, attempt }) : undefined;
    this.#taken = { left: change.after, change: begun ?? acquired, begun: begun !== undefined };
    if (chat === "new") this.#historyBefore = Promise.resolve([]);
    if (chat === "believed") this.#historyBefore = this.#place.readHistory?.().catch(() => undefined);
    return this.#taken.change;
  }

  /** The change is committed. */
  committed(applied: Applied): void {
    if (this.#taken === undefined || applied.state !== this.#taken.change.after) return;
    const { left, change, begun } = this.#taken;
    if (!mayHaveDeltas(change.before)) this.#bare.began(applied.chat.id, change.after.leaseEpoch);
    const waitedMs = hasBegun(left) ? undefined : 0;
    const history = this.#historyBefore?.then((before) => before && withNew(before, applied.messages));
    this.#place?.run({ ...applied, takenOver: false, waitedMs, begun, history });
  }

  [Symbol.dispose](): void {
    this.#place?.[Symbol.dispose]();
  }
}

/** A history that may have been read before or after rows were added to it. */
function withNew(
  history: readonly MessageRecord[],
  added: readonly MessageRecord[],
): readonly MessageRecord[] {
  const lastId = history.at(-1)?.id ?? 0;
  return [...history, ...added.filter(({ id, visibility }) => id > lastId && visibility !== "user")];
}

/** Whether anyone may run the chat, and nothing of an earlier run is left. */
function isOpenToAll({ phase, checkpoint }: ChatState): boolean {
  return phase.status === "running" && phase.owner === undefined && checkpoint === undefined;
}

/** Whether somebody has begun to work on it. A compaction is asked for without a message: its time is not known. */
export function hasBegun({ generationAttempt, compactionRequested }: ChatState): boolean {
  return generationAttempt > 0 || compactionRequested;
}
