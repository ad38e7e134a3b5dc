import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import { chatId } from "./chat-model.fixture.js";
import type { ChatView, ReadViewOptions } from "./chat-view.js";
import type { ChatWorld } from "./chat-world.fixture.js";
import { compareEpisodes, type EpisodeId } from "./episode.js";
import type { EpisodeLog } from "./episode-log.js";
import { startStream, stepStream } from "./stream-machine.js";
import type { Emission, StreamInput, StreamOutput, StreamPosition, StreamState } from "./stream-state.js";

/** A read of the database, in two steps: what it sees is fixed before its answer arrives. */
interface PendingRead {
  readonly fetchId: number;
  readonly options: ReadViewOptions;
  seen?: { readonly view: ChatView | undefined };
}

/** The stream machine in the hands of a test, which decides what happens next: every input only when the test says so. */
export class MachineRun {
  readonly emissions: Emission[] = [];
  /** The views that were answered, first to last. */
  readonly views: ChatView[] = [];
  /** The last of them that was part of the present state. */
  openedWith: ChatView | undefined;
  readonly reads: PendingRead[] = [];
  /** Versions that were committed and not notified yet. */
  readonly notifications: number[] = [];
  timerId: number | undefined;
  timersFired = 0;
  ended = false;
  readonly #world: ChatWorld;
  #state: StreamState;
  #opened: EpisodeLog | undefined;
  #announced: EpisodeLog | undefined;
  readonly #resumed: EpisodeLog | undefined;
  readonly #watch: Disposable;
  #followed: { readonly log: EpisodeLog; lastSeq: number } | undefined;

  constructor(world: ChatWorld, position: StreamPosition = nothing) {
    this.#world = world;
    this.#opened = world.deltaLog.current(chatId);
    const { seen } = position;
    this.#resumed = seen === undefined ? undefined : world.deltaLog.find(chatId, seen.episode);
    this.#watch = world.deltaLog.watch(chatId, (log) => {
      this.#opened = log;
    });
    world.chat.onCommit = (version) => this.notifications.push(version);
    const { state, outputs } = startStream(position, { held: this.#resumed !== undefined });
    this.#state = state;
    this.#carryOut(outputs);
  }

  get phase(): StreamState["phase"] {
    return this.#state.phase;
  }

  get state(): StreamState {
    return this.#state;
  }

  feed(input: StreamInput): void {
    const { state, outputs } = stepStream(this.#state, input);
    this.#state = state;
    this.#carryOut(outputs);
  }

  /** The latest episode that opened becomes known. */
  announce(): void {
    const log = this.#opened;
    if (log === undefined) return;
    this.#opened = undefined;
    this.#announced = log;
    this.feed({ type: "episodeOpened", episode: log.episode });
  }

  /** Passes on deltas of the followed episode with up to so much text, and its end once all were passed on. Returns whether there was any. */
  pull(length = Number.POSITIVE_INFINITY): boolean {
    const followed = this.#followed;
    if (followed === undefined) return false;
    const { log, lastSeq } = followed;
    const { episode, state } = log;
    const discarded = state.type === "closed" && state.outcome === "discarded";
    const events = discarded ? undefined : log.read(lastSeq, length);
    const last = events?.at(-1)?.event;
    if (events !== undefined && last?.case === "messagePart") {
      followed.lastSeq = Number(last.value.seq);
      this.feed({ type: "deltas", episode, events });
      return true;
    }
    if (events !== undefined && state.type === "open") return false;
    this.#followed = undefined;
    const outcome = events === undefined || state.type === "open" ? "discarded" : state.outcome;
    this.feed({ type: "episodeClosed", episode, outcome });
    return true;
  }

  /** The database sees the read; its answer is still under way. */
  see(): void {
    const read = this.reads[0];
    if (read !== undefined) read.seen ??= { view: this.#world.chat.view(read.options) };
  }

  /** The replica itself sees the read, if it has just committed what has to be shown; that need not be the latest. */
  seeRecent(): void {
    const read = this.reads[0];
    const view = read && this.#world.chat.recentView(read.options);
    if (read !== undefined && view !== undefined) read.seen ??= { view };
  }

  /** The answer of the read under way arrives. Returns whether there was one. */
  answer(): boolean {
    this.see();
    const read = this.reads.shift();
    if (read?.seen === undefined) return false;
    const { view } = read.seen;
    if (view !== undefined) this.views.push(view);
    if (this.phase === "opening") this.openedWith = view;
    this.feed({ type: "view", fetchId: read.fetchId, view });
    return true;
  }

  notify(snapshotVersion = this.#world.chat.versions.snapshot): void {
    this.feed({ type: "notified", snapshotVersion });
  }

  /** A hint that nobody knows what became of the chat. */
  look(): void {
    this.notify(Number.POSITIVE_INFINITY);
  }

  /** A hint with what the database says now: one comes now and then. */
  poll(): void {
    const { versions, deleted } = this.#world.chat;
    if (deleted) this.look();
    else this.notify(versions.snapshot);
  }

  fireTimer(): void {
    const { timerId } = this;
    this.timerId = undefined;
    if (timerId === undefined) return;
    this.timersFired += 1;
    this.feed({ type: "timer", timerId });
  }

  /** Lets everything arrive that is under way. */
  settle(): void {
    do this.announce();
    while (this.pull() || this.answer());
  }

  /** The world changed and everybody hears of it at once. */
  then(...changes: readonly (() => void)[]): this {
    for (const change of changes) {
      change();
      this.notify();
      this.settle();
    }
    return this;
  }

  /** The events since the last call. */
  take(): string[] {
    return this.takeEvents().map(describeEvent);
  }

  takeEvents(): StreamEvent[] {
    return this.emissions.splice(0).map(({ event }) => event);
  }

  /** The subscriber is gone. */
  leave(): void {
    this.#watch[Symbol.dispose]();
  }

  #follow(episode: EpisodeId, afterSeq: number): void {
    const log = [this.#announced, this.#resumed].find(
      (known) => known !== undefined && compareEpisodes(known.episode, episode) === 0,
    );
    if (log === undefined)
      throw new Error("an episode was followed that is neither the latest nor the one resumed");
    this.#followed = { log, lastSeq: afterSeq };
    this.feed({ type: "following", episode, lastSeq: log.lastSeq });
  }

  #carryOut(outputs: readonly StreamOutput[]): void {
    for (const output of outputs) {
      if (this.ended) throw new Error(`the stream went on after its end with ${output.type}`);
      switch (output.type) {
        case "emit":
          if (output.emissions.at(-1)?.position === undefined)
            throw new Error("what is emitted would wait for something to travel with");
          this.emissions.push(...output.emissions);
          break;
        case "fetch":
          if (this.reads.length > 0) throw new Error("a read began while another was under way");
          this.reads.push({ fetchId: output.fetchId, options: output });
          break;
        case "follow":
          this.#follow(output.episode, output.afterSeq);
          break;
        case "unfollow":
          if (this.#followed === undefined) throw new Error("nothing is followed");
          this.#followed = undefined;
          break;
        case "armTimer":
          this.timerId = output.timerId;
          break;
        case "end":
          this.ended = true;
          break;
        default:
          output satisfies never;
      }
    }
  }
}

/** The position of a subscriber that has nothing. */
export const nothing: StreamPosition = { afterMessageId: 0, told: undefined, seen: undefined };

const statusNames = [
  "unspecified",
  "pending",
  "running",
  "interrupting",
  "requires action",
  "waiting",
  "error",
];

/** An event in a few words, for assertions that read like a transcript. */
export function describeEvent({ event }: StreamEvent): string {
  switch (event.case) {
    case "status":
      return `status ${statusNames[event.value.status] ?? "?"}`;
    case "message":
      return `message ${event.value.message?.id}`;
    case "messagePart": {
      const { episode, firstSeq, seq, part } = event.value;
      const text = part?.kind.case === "text" ? part.kind.value.text : part?.kind.case;
      const range = firstSeq === seq ? `${seq}` : `${firstSeq}-${seq}`;
      return `part ${episode?.historyVersion}.${episode?.generationAttempt}#${range} ${text}`;
    }
    case "queueUpdate":
      return `queue of ${event.value.queue.length}`;
    default:
      return event.case ?? "nothing";
  }
}
