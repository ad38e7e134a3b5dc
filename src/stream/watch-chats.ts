import { setMaxListeners } from "node:events";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Chat, ChatSchema } from "../gen/palaver/chat/v1/chat_pb.js";
import { type ChatListEvent, ChatListEventSchema } from "../gen/palaver/chat/v1/event_pb.js";
import { type Clock, DueTimer, type Logger, Wakeup } from "../platform/index.js";
import { invalidArgument, PalaverError } from "../protocol/index.js";
import type { ChatChangesPosition } from "../store/index.js";
import { decodeChatListCursor, encodeChatListCursor } from "./chat-list-cursor.js";

/** What a watch reads of one owner's list. */
export interface ChatListReader {
  /** The changes after a position, in order, each chat at most once and as it is now; up to `limit`. */
  readChanges(position: ChatChangesPosition, limit: number): Promise<ChatListPage>;
  /** The snapshot of what is committed now. */
  readSnapshot(): Promise<string>;
}

export interface ChatListPage {
  /** The snapshot that this was read in. */
  readonly now: string;
  /** The changes after this position are not known any more. */
  readonly outdated: boolean;
  /** A chat that is undefined was deleted. */
  readonly changes: readonly {
    readonly xid: string;
    readonly chatId: string;
    readonly chat: Chat | undefined;
  }[];
}

/** Where hints come from that something in an owner's list changed: the bus. They may be lost, doubled, late or wrong. */
export interface OwnerHints {
  watchOwner(owner: string, listener: () => void): Disposable;
}

export interface WatchChatsDeps {
  readonly reader: ChatListReader;
  readonly bus: OwnerHints;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborts when the server shuts down: all watches then end with UNAVAILABLE / SHUTTING_DOWN. */
  readonly shutdown: AbortSignal;
  /** How often the list is looked at without a hint. Default: 10 s. */
  readonly pollMs?: number | undefined;
  /** After this time without a batch there is one with a `keepalive`. Default: 15 s. */
  readonly keepaliveMs?: number | undefined;
}

export interface WatchChatsOptions {
  /** Whose list it is. The reader reads no other. */
  readonly owner: string;
  /** The cursor of an earlier batch; empty to begin. */
  readonly cursor: string;
  /** Without a cursor: only what changes from now on. */
  readonly updatesOnly: boolean;
  /** Ends the watch, also while it waits. */
  readonly signal: AbortSignal;
}

/** What became ready together, in order; never empty. At most 128 events and, unless it is one event, about 1 MiB. */
export interface ChatListBatch {
  readonly events: readonly ChatListEvent[];
  /** The position after the last of them. */
  readonly cursor: string;
}

/** Also of a page of the database: a chat may have 72 KiB of labels. */
const maxBatchEvents = 128;
const maxBatchBytes = 1024 * 1024;
const firstRetryMs = 100;
const maxRetryMs = 5_000;
/** A watch that could not even begin is better refused than left hanging. */
const maxFirstReads = 5;

/**
 * Streams an owner's list of chats (LIST-1 to LIST-6): what there is, or what a cursor has not seen, then every change.
 *
 * Like `subscribe` it works only when it is asked for the next batch, holds at most one page of the database, and delays nobody: what
 * changes meanwhile coalesces to the newest state.
 *
 * Ends without error when `signal` aborts: abort it in order to leave while the next batch is awaited. Throws PalaverError:
 * INVALID_CURSOR, SHUTTING_DOWN, DATABASE_UNAVAILABLE when not even the first read succeeds (later ones are repeated for as long as it
 * takes).
 */
export async function* watchChats(
  deps: WatchChatsDeps,
  options: WatchChatsOptions,
): AsyncGenerator<ChatListBatch, void, undefined> {
  const { signal } = options;
  using watch = new ChatListWatch(deps, options);
  while (!signal.aborted) {
    const batch = watch.take();
    if (batch !== undefined) yield batch;
    else await watch.changed(signal);
  }
}

/** An event that nobody took yet, and the position after it. */
interface Ready {
  readonly event: ChatListEvent;
  readonly position: ChatChangesPosition;
}

class ChatListWatch implements Disposable {
  readonly #deps: WatchChatsDeps;
  readonly #owner: string;
  readonly #wakeup = new Wakeup();
  readonly #poll: DueTimer;
  readonly #silence: DueTimer;
  readonly #sources: readonly Disposable[];

  /** Where reading goes on. */
  #position: ChatChangesPosition;
  readonly #outbox: Ready[] = [];
  /** Whether there may be something after the position. */
  #stale = true;
  #caughtUp = false;
  #reading = false;
  #answered = false;
  #disposed = false;
  #retry: Disposable | undefined;
  #failure: PalaverError | undefined;

  constructor(deps: WatchChatsDeps, { owner, cursor, updatesOnly }: WatchChatsOptions) {
    const { bus, clock, shutdown, pollMs = 10_000, keepaliveMs = 15_000 } = deps;
    const wake = (): void => this.#wakeup.notify();
    this.#deps = deps;
    this.#owner = owner;
    this.#position = cursor === "" ? fromTheStart : positionOf(owner, cursor);
    this.#poll = new DueTimer(clock, pollMs, wake);
    this.#silence = new DueTimer(clock, keepaliveMs, wake);
    // Every watch of the server listens to this one signal, which is no leak.
    setMaxListeners(0, shutdown);
    shutdown.addEventListener("abort", wake, { once: true });
    // All ears before the first look, so that nothing is lost between the two.
    this.#sources = [
      this.#poll,
      this.#silence,
      { [Symbol.dispose]: () => shutdown.removeEventListener("abort", wake) },
      bus.watchOwner(owner, () => {
        this.#stale = true;
        wake();
      }),
    ];
    if (cursor === "" && updatesOnly) this.#beginNow();
  }

  /** Resolves when there may be something to take. */
  changed(signal: AbortSignal): Promise<void> {
    return this.#wakeup.wait(signal);
  }

  /** All that is ready, up to the size of a batch. Throws when the watch is over. */
  take(): ChatListBatch | undefined {
    if (this.#deps.shutdown.aborted) throw shuttingDown();
    if (this.#failure !== undefined) throw this.#failure;
    const taken = this.#outbox.splice(0, batchLength(this.#outbox));
    const last = taken.at(-1);
    if (last !== undefined) {
      this.#silence.restart();
      return this.#batch(
        taken.map(({ event }) => event),
        last.position,
      );
    }
    if (this.#poll.takeDue()) this.#stale = true;
    if (this.#stale && !this.#reading) this.#readChanges();
    // Nothing before the answer to the first look: a client that is told that all is quiet believes it.
    return this.#silence.takeDue() && this.#answered ? this.#batch([keepalive], this.#position) : undefined;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#retry?.[Symbol.dispose]();
    for (const source of this.#sources) source[Symbol.dispose]();
  }

  #batch(events: readonly ChatListEvent[], position: ChatChangesPosition): ChatListBatch {
    return { events, cursor: encodeChatListCursor(this.#owner, position) };
  }

  #beginNow(): void {
    this.#read(
      () => this.#deps.reader.readSnapshot(),
      (now) => {
        this.#position = { seen: now, round: undefined };
        this.#catchUp();
      },
    );
  }

  #readChanges(): void {
    const position = this.#position;
    this.#stale = false;
    this.#read(
      () => this.#deps.reader.readChanges(position, maxBatchEvents),
      (page) => this.#tell(page),
    );
  }

  /**
   * Where there is more than one page, the others are read up to the snapshot of the first. What changes meanwhile belongs to the next round,
   * and the watch has caught up only after a round of one page: then everything was told as of one moment.
   */
  #tell({ now, outdated, changes }: ChatListPage): void {
    if (outdated) {
      this.#position = fromTheStart;
      this.#emit(listReset);
      this.#stale = true;
      return;
    }
    const { seen, round } = this.#position;
    const until = round?.until ?? now;
    const isLastPage = changes.length < maxBatchEvents;
    changes.forEach(({ xid, chatId, chat }, index) => {
      const roundEnds = isLastPage && index === changes.length - 1;
      this.#position = roundEnds
        ? { seen: until, round: undefined }
        : { seen, round: { until, after: { xid, chatId } } };
      this.#emit(chat === undefined ? deleteEvent(chatId) : updateEvent(chat));
    });
    if (isLastPage) this.#position = { seen: until, round: undefined };
    // What hints told of during a round was not looked at.
    if (!isLastPage || round !== undefined) this.#stale = true;
    else if (!this.#caughtUp) this.#catchUp();
  }

  #catchUp(): void {
    this.#caughtUp = true;
    this.#emit(caughtUp);
  }

  #emit(event: ChatListEvent): void {
    this.#outbox.push({ event, position: this.#position });
  }

  /** One read at a time, repeated until it succeeds: a database that is away for a while delays a watch and does not end it. */
  #read<T>(ask: () => Promise<T>, onAnswer: (answer: T) => void, failures = 0): void {
    const { clock, logger } = this.#deps;
    this.#reading = true;
    this.#retry = undefined;
    ask().then(
      (answer) => {
        if (this.#disposed) return;
        this.#reading = false;
        this.#answered = true;
        onAnswer(answer);
        this.#wakeup.notify();
      },
      (error: unknown) => {
        if (this.#disposed) return;
        if (!this.#answered && failures + 1 >= maxFirstReads) {
          this.#failure = unavailable(error);
          this.#wakeup.notify();
          return;
        }
        const delayMs = Math.min(firstRetryMs * 2 ** failures, maxRetryMs);
        logger.warn(
          { err: error, retry_in_ms: delayMs },
          "a list of chats could not be read for its watcher",
        );
        this.#retry = clock.timer(delayMs, () => this.#read(ask, onAnswer, failures + 1));
      },
    );
  }
}

const fromTheStart: ChatChangesPosition = { seen: undefined, round: undefined };

/** @throws PalaverError INVALID_CURSOR */
function positionOf(owner: string, cursor: string): ChatChangesPosition {
  const position = decodeChatListCursor(owner, cursor);
  if (position === undefined)
    throw invalidArgument("INVALID_CURSOR", "cursor", "this server gave out no such cursor to this caller");
  return position;
}

const listReset = create(ChatListEventSchema, { event: { case: "listReset", value: {} } });
const caughtUp = create(ChatListEventSchema, { event: { case: "caughtUp", value: {} } });
const keepalive = create(ChatListEventSchema, { event: { case: "keepalive", value: {} } });

function updateEvent(chat: Chat): ChatListEvent {
  return create(ChatListEventSchema, { event: { case: "chatUpdate", value: { chat } } });
}

function deleteEvent(chatId: string): ChatListEvent {
  return create(ChatListEventSchema, { event: { case: "chatDelete", value: { chatId } } });
}

/** How many of the events make a batch: at least one if there is one. */
function batchLength(ready: readonly Ready[]): number {
  let bytes = 0;
  let length = 0;
  for (const { event } of ready) {
    bytes += sizeOf(event);
    if (length === maxBatchEvents || (length > 0 && bytes > maxBatchBytes)) break;
    length += 1;
  }
  return length;
}

function sizeOf({ event }: ChatListEvent): number {
  const chat = event.case === "chatUpdate" ? event.value.chat : undefined;
  return chat === undefined ? 0 : toBinary(ChatSchema, chat).length;
}

function shuttingDown(): PalaverError {
  return new PalaverError(
    "unavailable",
    "SHUTTING_DOWN",
    "The server is shutting down. Watch again to go on with another replica.",
  );
}

function unavailable(cause: unknown): PalaverError {
  return new PalaverError(
    "unavailable",
    "DATABASE_UNAVAILABLE",
    "The list of chats cannot be read at the moment. Try again later.",
    { cause },
  );
}
