import type { ChatNotification } from "../gen/palaver/relay/v1/notification_pb.js";
import type { ChatRecord } from "../protocol/index.js";
import {
  appendCheckpoints,
  type ChatExtras,
  type ChatRow,
  type Database,
  DatabaseError,
  decodeChat,
  type DeltasWanted,
  insertChat,
  type LeasedChunk,
  lockChat,
  lockRunnableChats,
  lockUnownedChats,
  type Owner,
  readChatExtras,
  readChatRow,
  readExpiredActions,
  refreshStatistics,
  type Transaction,
} from "../store/index.js";
import {
  andThen,
  type Applied,
  applyTransition,
  type Change,
  insertMessageRows,
  isOneStatement,
  noChange,
  writeChange,
} from "./apply-transition.js";
import type { ChatState, StepMessage, UserMessage } from "./chat-state.js";
import { chatStateFromRows, chatStateToColumns } from "./chat-state-rows.js";
import { BareTurns } from "./bare-turns.js";
import { type ClientRequest, completeRequest } from "./client-request.js";
import { createChatState } from "./create-chat-state.js";
import { isTurn } from "./draft.js";
import { type Idempotency, inTransactionOnce, type Outcome } from "./idempotency.js";
import { type ImportControl, type ImportedChat, importChat } from "./import-chat.js";
import { IdleChats } from "./idle-chats.js";
import { fileIdsOf, linkMessageFiles, readMessageFiles } from "./message-files.js";
import { notificationOf } from "./notification.js";
import type { RecentCommits } from "./recent-commits.js";
import { chatNotFound, refusalError } from "./refusal-error.js";
import type { WorkerInput } from "./transition-input.js";
import { type Acquired, hasBegun, type ReservePlace, Taking } from "./taking.js";
import { type Refusal, transitionName } from "./transition-table.js";

/** So many at once change what the tables hold. */
const manyRows = 1_000;

/** A transition that a worker asked for, and that the chat refused: see `refusals`. Nothing changed. */
export interface WorkerRefusal {
  readonly refused: Refusal | "CHAT_NOT_FOUND";
}

export interface NewChat {
  readonly id: string;
  readonly owner: string;
  readonly title: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly model: string;
  readonly system: readonly StepMessage[];
  readonly first: UserMessage | undefined;
}

type LockedChat = readonly [ChatRow | undefined, ChatExtras];

/**
 * The only writer of chats, messages, queue and checkpoints. Every change is one transaction: lock the row, ask the machine, write
 * what it says, commit; then one notification (CHAT-2, BUS-3). A worker's, or a message to a chat that this replica has left idle, may be one
 * statement instead, which writes nothing if the row has changed. Two requests at once are serialised by the row lock.
 */
export class Chats {
  readonly #database: Database;
  readonly #publish: (notification: ChatNotification, owner: string) => void;
  readonly #reserve: ReservePlace;
  readonly #leaseMs: number;
  readonly #onUnreadable: (chatId: string, error: unknown) => void;
  readonly #idle = new IdleChats();
  /**
   * Chats of which deltas are being checkpointed, and those that are being written in one statement: never both. If it has to wait for those
   * deltas, such a statement does not see them, and would leave behind what it has to drop: Postgres looks at the row anew, and at
   * nothing else.
   */
  readonly #checkpointing = new Set<string>();
  readonly #writing = new Set<string>();
  readonly #bare = new BareTurns();
  readonly #recent: RecentCommits | undefined;
  /** Of which it was told. */
  readonly #unreadable = new Set<string>();

  /**
   * `publish` announces a commit to a chat of that owner and must not throw. `reserve` is asked for a place for a chat that a client leaves for
   * anyone to run. `recent` is told first of each commit. `leaseMs`: an owner whose heartbeat is older is dead.
   * `onUnreadable` is told once of each chat that no worker can go on with, because of what is stored of it.
   */
  constructor(options: {
    database: Database;
    publish: (notification: ChatNotification, owner: string) => void;
    reserve?: ReservePlace;
    recent?: RecentCommits;
    leaseMs: number;
    onUnreadable?: (chatId: string, error: unknown) => void;
  }) {
    this.#database = options.database;
    this.#publish = options.publish;
    this.#reserve = options.reserve ?? (() => undefined);
    this.#recent = options.recent;
    this.#leaseMs = options.leaseMs;
    this.#onUnreadable = options.onUnreadable ?? (() => undefined);
  }

  /** Creates a chat. The function is not called when the idempotency key has a result already; it may throw. */
  async create<T>(
    newChat: () => NewChat,
    respond: (applied: Applied) => T,
    idempotency?: Idempotency<T>,
  ): Promise<T> {
    using taking = new Taking(this.#reserve, this.#bare);
    return await this.#inTransaction({ idempotency, taking }, async (tx) => {
      const chat = newChat();
      const first = chat.first === undefined ? undefined : await readMessageFiles(tx, chat.first);
      const created = createChatState(chat.model, chat.system, first);
      const { after: state, inserted } = taking.extend(chat.id, created, "new");
      const row = await insertChat(tx, chat, chatStateToColumns(state));
      if (first !== undefined) await linkMessageFiles(tx, chat.id, first);
      const messages = await insertMessageRows(tx, chat.id, state.versions.snapshot, inserted);
      const applied = { chat: decodeChat(row), state, messages, queued: undefined };
      return { result: respond(applied), notify: [applied] };
    });
  }

  /**
   * Creates an idle chat from the rows of another system: all of them or, with an error, nothing. The function is not called when the
   * idempotency key has a result already; it may throw.
   *
   * @throws PalaverError INVALID_ROWS, IDEMPOTENCY_KEY_REUSED; the signal's reason when it aborts before the commit
   */
  async import<T>(
    newChat: () => ImportedChat,
    respond: (chat: ChatRecord) => T,
    control: ImportControl,
    idempotency?: Idempotency<T>,
  ): Promise<T> {
    let rowCount = 0;
    const result = await this.#inTransaction({ idempotency }, async (tx) => {
      const imported = newChat();
      rowCount = imported.rows.length;
      const chat = decodeChat(await importChat(tx, imported, control));
      const applied = { chat, state: undefined, messages: [], queued: undefined };
      return { result: respond(chat), notify: [applied] };
    });
    // The import is done whatever becomes of this: it is tried again with the next tidying.
    if (rowCount >= manyRows) await refreshStatistics(this.#database).catch(() => undefined);
    return result;
  }

  /**
   * Carries out what a client asks for. A request that depends on the chat is a function of it: it may be called more than once, the last time
   * with the chat as it is, and not at all when the idempotency key has a result already. It may throw.
   *
   * @throws PalaverError CHAT_NOT_FOUND, IDEMPOTENCY_KEY_REUSED, or the machine's refusal; nothing has changed then
   */
  async request<T>(
    target: { chatId: string; owner: Owner },
    request: ClientRequest | ((chat: ChatState) => ClientRequest),
    respond: (applied: Applied) => T,
    idempotency?: Idempotency<T>,
  ): Promise<T> {
    const { chatId, owner } = target;
    const believed = this.#idle.take(chatId, owner);
    const message = believed && messageTo(believed, request);
    using taking = new Taking(this.#reserve, this.#bare);
    const change = message && taking.extend(chatId, message, "believed");
    if (change !== undefined && idempotency === undefined) {
      const applied = await writeChange(this.#database, chatId, change);
      if (applied !== undefined) {
        this.#tell(applied);
        taking.committed(applied);
        return respond(applied);
      }
    }
    const lock = (tx: Transaction) => this.#lock(tx, target, "if-orphaned");
    const begin = async (tx: Transaction): Promise<{ written?: Applied | undefined; locked?: LockedChat }> =>
      change !== undefined && idempotency !== undefined
        ? { written: await writeChange(tx, chatId, change, { unless: idempotency }) }
        : { locked: await lock(tx) };
    return await this.#inTransaction(
      { idempotency, taking, read: begin },
      async (tx, { written, locked }) => {
        if (written !== undefined) return { result: respond(written), notify: [written] };
        const [row, extras] = locked ?? (await lock(tx));
        if (row === undefined) throw chatNotFound();
        const state = chatStateFromRows(row, extras);
        const asked = typeof request === "function" ? request(state) : request;
        const input = await completeRequest(tx, row.id, asked);
        const isLast = idempotency === undefined;
        const metadata = asked.type === "UpdateMetadata" ? asked.metadata : {};
        const extend = (own: Change): Change => taking.extend(chatId, own);
        const options = { metadata, extend, isLast };
        const { applied, notify, refused } = await applyTransition(tx, row, state, input, options);
        if (applied === undefined) throw refusalError(refused, state, transitionName(input));
        return { result: respond(applied), notify: notify ? [applied] : [] };
      },
    );
  }

  /**
   * Carries out what a worker asks for. `believed`: what the chat was after the worker's last transition. Mostly it still is, and then one
   * statement writes the next one; otherwise the chat is read first. Nobody may believe that an owner is dead: that shows in no version.
   * `next`: what is to follow at once, if the chat has become this. It is carried out with the same statement, as one change, if it fits in;
   * what was done is what the chat's state says.
   */
  async work(
    chatId: string,
    input: WorkerInput,
    believed?: ChatState,
    next?: (chat: ChatState) => WorkerInput | undefined,
  ): Promise<Applied | WorkerRefusal> {
    const first =
      "fence" in input && believed ? inOneStatement(andThen(noChange(believed), input)) : undefined;
    if (first === undefined || this.#checkpointing.has(chatId)) return this.#workOnLocked(chatId, input);
    const second = next?.(first.after);
    const change = (second && inOneStatement(andThen(first, second))) ?? first;
    const isBare = this.#bare.has(chatId, change.before.leaseEpoch);
    this.#writing.add(chatId);
    try {
      const applied = await writeChange(this.#database, chatId, change, { isBare });
      if (applied !== undefined && change.notify) this.#tell(applied);
      if (applied !== undefined) return applied;
    } finally {
      this.#writing.delete(chatId);
    }
    return this.#workOnLocked(chatId, input);
  }

  async #workOnLocked(chatId: string, input: WorkerInput): Promise<Applied | WorkerRefusal> {
    const read = (tx: Transaction) => this.#lock(tx, { chatId, owner: undefined }, "never");
    return this.#inTransaction<Applied | WorkerRefusal, LockedChat>({ read }, async (tx, [row, extras]) => {
      if (row === undefined) return { result: { refused: "CHAT_NOT_FOUND" }, notify: [] };
      const state = chatStateFromRows(row, extras);
      const { applied, notify, refused } = await applyTransition(tx, row, state, input, { isLast: true });
      if (applied === undefined) return { result: { refused }, notify: [] };
      return { result: applied, notify: notify ? [applied] : [] };
    });
  }

  /** The chat, from now on nobody else's, and what belongs to it: both are asked for at once. */
  #lock(
    tx: Transaction,
    { chatId, owner }: { chatId: string; owner: Owner },
    deltas: DeltasWanted,
  ): Promise<LockedChat> {
    return Promise.all([lockChat(tx, chatId, owner), readChatExtras(tx, chatId, this.#leaseMs, deltas)]);
  }

  /**
   * Gives a worker up to `limit` chats that have work and no living owner, oldest first. Never one that somebody else is acquiring.
   *
   * Chats that the worker owns but does not run count as well: it gave them up, or the answer to an earlier acquire got lost. Their lease
   * epoch advances, so whatever still writes under the old one is fenced off. `running`: the chats that it does run.
   *
   * One that cannot be read is left out, and others take its place.
   *
   * `unownedOnly`: chats without any owner are enough. That is all that a message can make, and costs little however many chats run.
   */
  async acquire(
    workerId: string,
    limit: number,
    running: readonly string[],
    { unownedOnly = false } = {},
  ): Promise<Acquired[]> {
    const lock = (tx: Transaction, wanted: number, except: readonly string[]) => {
      const options = { leaseMs: this.#leaseMs, limit: wanted, workerId, running, except };
      return unownedOnly ? lockUnownedChats(tx, options) : lockRunnableChats(tx, options);
    };
    const read = (tx: Transaction) => lock(tx, limit, []);
    const { acquired, unreadable } = await this.#inTransaction({ read }, async (tx, first) => {
      const result = { acquired: [] as Acquired[], unreadable: new Map<string, unknown>() };
      for (let wanted = limit, locked = first; ; ) {
        const unreadableBefore = result.unreadable.size;
        for (const [index, { id, idleMs }] of locked.entries()) {
          const isLast = index === locked.length - 1 && locked.length < wanted;
          try {
            const acquired = await this.#acquireOne(tx, id, { workerId, idleMs, isLast });
            if (acquired !== undefined) result.acquired.push(acquired);
          } catch (error) {
            if (isOfTheDatabase(error)) throw error;
            result.unreadable.set(id, error);
          }
        }
        wanted = locked.length < wanted ? 0 : result.unreadable.size - unreadableBefore;
        if (wanted === 0) break;
        locked = await lock(tx, wanted, [
          ...result.acquired.map(({ chat }) => chat.id),
          ...result.unreadable.keys(),
        ]);
      }
      return { result, notify: result.acquired };
    });
    for (const [chatId, error] of unreadable) this.#tellUnreadable(chatId, error);
    return acquired;
  }

  /** Undefined: its owner has come back to life. */
  async #acquireOne(
    tx: Transaction,
    chatId: string,
    { workerId, idleMs, isLast }: { workerId: string; idleMs: number; isLast: boolean },
  ): Promise<Acquired | undefined> {
    const [row, extras] = await Promise.all([
      readChatRow(tx, chatId),
      readChatExtras(tx, chatId, this.#leaseMs, "always"),
    ]);
    if (row === undefined) return undefined;
    const state = chatStateFromRows(row, extras);
    const { applied } = await applyTransition(tx, row, state, { type: "Acquire", workerId }, { isLast });
    if (applied === undefined) return undefined;
    const takenOver = row.worker_id !== null;
    const waitedMs = takenOver || hasBegun(state) ? undefined : idleMs;
    return { ...applied, takenOver, waitedMs, begun: false };
  }

  /**
   * Writes down what running steps of a worker have shown, of all its chats in one statement; returns the chats of which it did. The others
   * are not the worker's any more, or about to change. No version advances, nobody is notified. One call at a time.
   */
  async checkpoint(workerId: string, chunks: readonly LeasedChunk[]): Promise<ReadonlySet<string>> {
    const free = chunks.filter(({ chatId }) => !this.#writing.has(chatId));
    if (free.length === 0) return new Set();
    for (const { chatId } of free) {
      this.#checkpointing.add(chatId);
      this.#bare.forget(chatId);
    }
    try {
      return await appendCheckpoints(this.#database, workerId, free);
    } finally {
      for (const { chatId } of free) this.#checkpointing.delete(chatId);
    }
  }

  /** Closes the open calls of chats whose client did not run its tools in time. Returns how many. */
  async expireActions(limit: number): Promise<number> {
    let expired = 0;
    for (const chatId of await readExpiredActions(this.#database, limit)) {
      try {
        if (!("refused" in (await this.work(chatId, { type: "ExpireAction" })))) expired += 1;
      } catch (error) {
        if (isOfTheDatabase(error)) throw error;
        this.#tellUnreadable(chatId, error);
      }
    }
    return expired;
  }

  #tellUnreadable(chatId: string, error: unknown): void {
    if (this.#unreadable.has(chatId)) return;
    this.#unreadable.add(chatId);
    this.#onUnreadable(chatId, error);
  }

  /**
   * What the machine knows of a chat now; for a worker that wants to know whether the chat is still its own. `withDeltas`: and what is left
   * of the running step, for one that has lost it.
   */
  async readState(chatId: string, { withDeltas = false } = {}): Promise<ChatState | undefined> {
    return this.#database.transaction(
      async (tx) => {
        const [row, extras] = await Promise.all([
          readChatRow(tx, chatId),
          readChatExtras(tx, chatId, this.#leaseMs, withDeltas ? "always" : "never"),
        ]);
        return row === undefined ? undefined : chatStateFromRows(row, extras);
      },
      { readOnly: true, isolation: "repeatable read", beginsWithReads: true },
    );
  }

  /** `taking` is told of what was committed. */
  async #inTransaction<T, Read = undefined>(
    options: {
      readonly idempotency?: Idempotency<T> | undefined;
      readonly read?: (tx: Transaction) => Promise<Read>;
      readonly taking?: Taking;
    },
    work: (tx: Transaction, read: Read) => Promise<Outcome<T>>,
  ): Promise<T> {
    const { result, notify } = await inTransactionOnce(this.#database, options, work);
    for (const news of notify) {
      this.#tell(news);
      options.taking?.committed(news);
    }
    return result;
  }

  #tell({ chat, state, messages }: Applied): void {
    this.#recent?.note(chat, state, messages);
    this.#idle.note(chat, state);
    if (state === undefined || !isTurn(state.phase)) this.#bare.forget(chat.id);
    this.#publish(notificationOf(chat), chat.owner);
  }
}

/**
 * What a message changes of an idle chat; undefined where more than the chat has to be asked. A belief that is out of date refuses nothing: what it
 * would refuse is asked again of the chat itself.
 */
function messageTo(
  believed: ChatState,
  request: ClientRequest | ((chat: ChatState) => ClientRequest),
): Change | undefined {
  let asked: ClientRequest;
  try {
    asked = typeof request === "function" ? request(believed) : request;
  } catch {
    return undefined;
  }
  if (asked.type !== "Send" || fileIdsOf(asked.message.parts).length > 0) return undefined;
  return inOneStatement(andThen(noChange(believed), asked));
}

function inOneStatement(change: Change | undefined): Change | undefined {
  return change !== undefined && isOneStatement(change) ? change : undefined;
}

/** Whether the database refused or did not answer; otherwise what it answered could not be understood. */
function isOfTheDatabase(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code !== undefined || error.retryable);
}
