import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { MessagePartEvent, StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { ChatWorld } from "./chat-world.fixture.js";
import type { ChatView } from "./chat-view.js";
import { compareEpisodes, type EpisodeId } from "./episode.js";

/** The events of a snapshot, in the order in which they may come (STREAM-2). */
// A chat that waits for its next attempt needs no action, and the other way round.
const snapshotOrder = ["status", "message", "queueUpdate", "error", "actionRequired", "retry", "messagePart"];
const idle: readonly ChatStatus[] = [ChatStatus.WAITING, ChatStatus.ERROR, ChatStatus.REQUIRES_ACTION];

/**
 * A client that believes every word and checks each against the rules and against what was true. What it holds in the end is what a
 * user would see.
 */
export class TranscriptChecker {
  status: ChatStatus | undefined;
  messages: { readonly id: number; readonly json: string }[] = [];
  queueIds: number[] = [];
  title: string | undefined;
  /** A notice of the next attempt, while it is shown. */
  retrying = false;
  /** The running step, by blocks. */
  preview = new Map<number, string>();
  readonly #world: ChatWorld;
  /** The last view of the snapshot. */
  #first: ChatView | undefined;
  readonly #afterMessageId: number;
  #caughtUp = 0;
  #snapshotRank = 0;
  /** The last episode of which there was a delta, and whether it was taken back. */
  #last: { readonly episode: EpisodeId; seq: number; void: boolean; rewritten: boolean } | undefined;
  #lastRevision = 0;
  #resetSinceLastDelta = false;
  #historyWasReset = false;
  #pendingError = false;
  #resumed = false;
  /** It had a whole snapshot. */
  #complete = false;

  constructor(world: ChatWorld, first: ChatView | undefined, afterMessageId: number) {
    this.#world = world;
    this.#first = first;
    this.#afterMessageId = afterMessageId;
  }

  read(events: readonly StreamEvent[]): void {
    for (const event of events) this.#one(event);
  }

  /** What it is told from now on was read from this view, or from one before. */
  sees(view: ChatView | undefined): void {
    if (!this.#complete) this.#first = view;
  }

  /** The subscriber comes back, with what it has: no snapshot then, but again everything up to `caught_up`. */
  resume(): void {
    this.#resumed = true;
    this.#caughtUp = 0;
  }

  /** How often deltas of a step were taken back although the step was committed. Legal only when the worker did not end its episode. */
  takenBack = 0;

  /** After everything arrived: STREAM-12, and the one caught_up. */
  finish(): void {
    check(this.#caughtUp === 1, "STREAM-2: caught_up is sent exactly once");
    const view = this.#world.chat.whole(this.#historyWasReset ? 0 : this.#afterMessageId);
    if (view === undefined) return;
    check(this.status === view.chat.status, "STREAM-12: status");
    same(
      this.messages.map(({ id }) => id),
      view.messages.map(({ id }) => Number(id)),
      "STREAM-12: history",
    );
    same(
      this.messages.map(({ json }) => json),
      view.messages.map(jsonOf),
      "STREAM-12: text",
    );
    same(
      this.queueIds,
      view.queue.map(({ id }) => Number(id)),
      "STREAM-12: queue",
    );
    check(this.retrying === (view.chat.retry !== undefined), "STREAM-12: retry");
    check(this.title === undefined || this.title === view.chat.title, "metadata");
    const current = this.#world.chat.whole()?.chat;
    const stale =
      this.#last !== undefined &&
      this.preview.size > 0 &&
      Number(current?.versions?.historyVersion) !== this.#last.episode.historyVersion;
    check(!stale, "a preview stays that belongs to no running step");
    check(
      this.preview.size === 0 || this.status === undefined || !idle.includes(this.status),
      "a preview stays although the chat is idle",
    );
  }

  #one({ event }: StreamEvent): void {
    check(
      this.#caughtUp > 0 || this.status !== undefined || event.case === "status",
      "STREAM-2: the status is first",
    );
    // What changes between two pages of a snapshot is told in the midst of it.
    const changed =
      Number.isFinite(this.#world.chat.pageSize) &&
      ((event.case === "status" && this.status !== undefined) || event.case === "chatUpdate");
    if (event.case === "historyReset") this.#snapshotRank = 0;
    else if (this.#caughtUp === 0 && !this.#resumed && !changed && event.case !== "caughtUp") {
      const rank = snapshotOrder.indexOf(event.case ?? "");
      check(rank >= this.#snapshotRank, `STREAM-2: ${event.case} is out of order in the snapshot`);
      this.#snapshotRank = rank;
    }
    if (event.case === "status" || event.case === "messagePart" || event.case === "previewReset")
      this.retrying = false;
    switch (event.case) {
      case "retry":
        this.retrying = true;
        return;
      case "status":
        return this.#onStatus(event.value.status);
      case "message": {
        const { message } = event.value;
        if (message !== undefined) this.#onMessage(message);
        return;
      }
      case "messagePart":
        return this.#onPart(event.value);
      case "queueUpdate":
        this.queueIds = event.value.queue.map(({ id }) => Number(id));
        return;
      case "chatUpdate":
        this.title = event.value.chat?.title;
        return;
      case "error":
        this.#pendingError = true;
        return;
      case "previewReset":
        this.preview.clear();
        this.#resetSinceLastDelta = true;
        if (this.#last !== undefined) this.#last.void = true;
        return;
      case "historyReset":
        check(this.preview.size === 0, "a rewritten history leaves a preview");
        this.messages = [];
        this.#historyWasReset = true;
        if (this.#last !== undefined) this.#last.rewritten = true;
        return;
      case "caughtUp":
        this.#caughtUp += 1;
        this.#complete = true;
        return;
      default:
        return;
    }
  }

  #onStatus(status: ChatStatus): void {
    check(status !== this.status, "STREAM-10: a status is sent twice in a row");
    this.status = status;
    if (status === ChatStatus.ERROR)
      check(this.#caughtUp === 0 || this.#pendingError, "the error precedes the status ERROR");
    this.#pendingError = false;
    if (!idle.includes(status) || this.#caughtUp === 0) return;
    const ids = this.messages.map(({ id }) => id);
    const was = [...this.#world.chat.cuts.values()].some(
      (cut) =>
        cut.status === status &&
        String(cut.messageIds.filter((id) => this.#historyWasReset || id > this.#afterMessageId)) ===
          String(ids),
    );
    check(was, "STREAM-10: an idle status precedes messages of its turn");
  }

  #onMessage(message: ChatView["messages"][number]): void {
    const id = Number(message.id);
    const revision = Number(message.revision);
    check(id > (this.messages.at(-1)?.id ?? 0), "STREAM-11: ids go back");
    check(this.#historyWasReset || id > this.#afterMessageId, "a message that the subscriber has is sent");
    this.messages.push({ id, json: jsonOf(message) });
    const step = this.#world.committedSteps.get(revision);
    if (this.preview.size > 0 && this.#last !== undefined) {
      check(
        step !== undefined && compareEpisodes(step.episode, this.#last.episode) === 0,
        "STREAM-9: a message follows deltas of another attempt",
      );
      check(
        [...this.preview]
          .sort(([a], [b]) => a - b)
          .map(([, text]) => text)
          .join("|") === step?.text,
        "STREAM-8: deltas differ from the message",
      );
    }
    if (
      step !== undefined &&
      this.#last?.void === true &&
      compareEpisodes(step.episode, this.#last.episode) === 0
    ) {
      this.takenBack += this.#last.rewritten ? 0 : 1;
      this.#last.rewritten = true;
    }
    this.preview.clear();
    this.#lastRevision = Math.max(this.#lastRevision, revision);
  }

  #onPart({ episode, firstSeq, seq, block, part }: MessagePartEvent): void {
    const id: EpisodeId = {
      historyVersion: Number(episode?.historyVersion),
      generationAttempt: episode?.generationAttempt ?? 0,
    };
    // Before caught_up also what was stored of an attempt that nobody has at the moment.
    const stored = this.#caughtUp === 0 && this.status === ChatStatus.PENDING;
    check(
      stored || this.status === ChatStatus.RUNNING || this.status === ChatStatus.INTERRUPTING,
      "a delta comes while nothing runs",
    );
    check(id.historyVersion >= this.#lastRevision, "STREAM-7: a delta follows the messages that it led to");
    const order = this.#last === undefined ? 1 : compareEpisodes(id, this.#last.episode);
    check(order >= 0, "STREAM-9: a delta of an older attempt");
    // What was stored of an attempt may break off elsewhere than its holder did: then it is told anew.
    const again = order === 0 && this.#last?.void === true && this.#resumed && this.#caughtUp === 0;
    if (order > 0 || again) {
      check(Number(firstSeq) === 1, "STREAM-5: an episode begins with seq 1");
      const previous = this.#last;
      if (previous?.episode.historyVersion === id.historyVersion)
        check(previous.void, "STREAM-9: a new attempt without preview_reset");
      const joined = this.#first?.chat.versions;
      const joinedIt =
        Number(joined?.historyVersion) === id.historyVersion &&
        joined?.generationAttempt === id.generationAttempt;
      if (id.generationAttempt > 1 && !joinedIt)
        check(this.#resetSinceLastDelta, "STREAM-9: a new attempt without preview_reset");
      check(this.preview.size === 0, "STREAM-9: deltas of two episodes stand side by side");
      this.#last = { episode: id, seq: 0, void: false, rewritten: false };
    }
    const last = this.#last;
    if (last === undefined) return;
    check(!last.void, "a delta of an episode that was taken back");
    check(Number(firstSeq) === last.seq + 1, "STREAM-5: a gap or a repeat");
    last.seq = Number(seq);
    this.#resetSinceLastDelta = false;
    const kind = part?.kind;
    const text =
      kind?.case === "text"
        ? kind.value.text
        : kind?.case === "toolCall" || kind?.case === "toolResult"
          ? kind.value.toolCallId
          : "";
    this.preview.set(block, (this.preview.get(block) ?? "") + text);
  }
}

function jsonOf(message: ChatView["messages"][number]): string {
  return JSON.stringify(message, (_key, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
}

function same(actual: unknown, expected: unknown, rule: string): void {
  check(
    JSON.stringify(actual) === JSON.stringify(expected),
    `${rule}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`,
  );
}

function check(condition: boolean, rule: string): void {
  if (!condition) throw new Error(rule);
}
