import type { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import {
  type ChatRecord,
  chatToProto,
  type MessageRecord,
  messageToProto,
  type QueuedRecord,
  queuedToProto,
  type StoredPart,
  statusToProto,
} from "../protocol/index.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { ChatView, ReadViewOptions } from "./chat-view.js";
import { compareEpisodes, type EpisodeId } from "./episode.js";

export const chatId = "0b9bd2a2-7c3b-4d5e-9f00-000000000001";
const at = new Date("2026-01-01T00:00:00Z");
const model = "scripted/default";
const maxQueueLength = 3;

/** What was true of the chat after one of its commits. */
export interface Cut {
  readonly status: ChatStatus;
  readonly messageIds: readonly number[];
}

interface Past {
  readonly chat: ChatRecord;
  readonly messages: readonly MessageRecord[];
  readonly queue: readonly QueuedRecord[];
}

/** What a worker has generated of a step. */
export interface StepContent {
  readonly role: "assistant" | "tool";
  readonly parts: readonly StoredPart[];
}

/**
 * A small true chat in memory: it changes as the chat machine lets chats change, and is read as subscribers read chats. Each method is a
 * transaction; it returns false and changes nothing where it is illegal.
 */
export class ChatModel {
  /** What was true at each snapshot version. */
  readonly cuts = new Map<number, Cut>();
  readonly versions = { snapshot: 0, history: 1, queue: 1, retry: 1, metadata: 1, reset: 0 };
  attempt = 0;
  /** How many messages a view holds. */
  pageSize = Number.POSITIVE_INFINITY;
  /** What was stored of an attempt. */
  checkpoint: { readonly episode: EpisodeId; readonly events: readonly StreamEvent[] } = {
    episode: { historyVersion: 0, generationAttempt: 0 },
    events: [],
  };
  openCalls: readonly string[] = [];
  /** Counts acquisitions: a worker's write names the lease under which it works. */
  lease = 0;
  onCommit: (snapshotVersion: number) => void = () => undefined;
  #deleted = false;
  #status: ChatRecord["status"] = "waiting";
  #owned = false;
  #alive = false;
  #retrying = false;
  #rows: { readonly record: MessageRecord; hidden: boolean }[] = [];
  #queue: readonly QueuedRecord[] = [];
  /** All that was true after each commit. */
  readonly #past: Past[] = [];
  #lastQueueId = 0;
  #questions = 0;

  constructor() {
    this.#transaction(() => undefined);
  }

  get deleted(): boolean {
    return this.#deleted;
  }

  /** All that clients see, as a subscriber that has nothing reads it, in one page. */
  whole(afterMessageId = 0): ChatView | undefined {
    const atLeast = { version: 0, episode: undefined };
    const options = { sinceVersion: 0, resetSinceVersion: 0, withCheckpoint: false, atLeast };
    return this.view({ ...options, afterMessageId }, Number.POSITIVE_INFINITY);
  }

  view(
    { sinceVersion, afterMessageId, resetSinceVersion, withCheckpoint }: ReadViewOptions,
    pageSize = this.pageSize,
  ): ChatView | undefined {
    if (this.#deleted) return undefined;
    const reset = resetSinceVersion > 0 && this.versions.reset > resetSinceVersion;
    const isNew = ({ id, revision }: MessageRecord): boolean =>
      revision > sinceVersion && id > afterMessageId;
    const messages = this.#visible().filter((message) => reset || isNew(message));
    return {
      chat: chatToProto(this.#record()),
      metadataVersion: this.versions.metadata,
      messages: messages.slice(0, pageSize).map(messageToProto),
      more: messages.length > pageSize,
      reset,
      queue: this.#queue.map(queuedToProto),
      checkpoint: withCheckpoint && this.#isCheckpointed() ? this.checkpoint.events : [],
    };
  }

  /**
   * The same as a replica may have it that committed the first that the reader has to be shown, and does not know of any later commit; undefined
   * where it would not say.
   */
  recentView(options: ReadViewOptions): ChatView | undefined {
    const { sinceVersion, afterMessageId, withCheckpoint, atLeast } = options;
    if (sinceVersion === 0 || withCheckpoint) return undefined;
    const past = this.#past.find(
      ({ chat }) =>
        chat.snapshotVersion > sinceVersion &&
        chat.snapshotVersion >= atLeast.version &&
        (atLeast.episode === undefined || compareEpisodes(chat, atLeast.episode) >= 0),
    );
    if (past === undefined || past.chat.resetVersion > sinceVersion) return undefined;
    const { chat, queue } = past;
    if (chat.queueVersion > sinceVersion && queue.length > 0) return undefined;
    const messages = past.messages.filter(
      ({ id, revision }) => revision > sinceVersion && id > afterMessageId,
    );
    return {
      chat: chatToProto(chat),
      metadataVersion: chat.metadataVersion,
      messages: messages.map(messageToProto),
      more: false,
      reset: false,
      queue: [],
      checkpoint: [],
    };
  }

  userMessageIds(): number[] {
    return this.#visible()
      .filter(({ role }) => role === "user")
      .map(({ id }) => id);
  }

  send(whenBusy: "queue" | "interrupt"): boolean {
    const idle = this.#status === "waiting" || this.#status === "error";
    if (this.#queue.length >= maxQueueLength) return false;
    return this.#transaction(() => {
      if (idle && this.#queue.length === 0) {
        this.#say(this.#question());
        return;
      }
      this.#enqueue();
      if (idle) this.#promote();
      else if (whenBusy === "interrupt") this.#interrupt();
    });
  }

  edit(messageId: number): boolean {
    return this.#transaction(() => {
      for (const row of this.#rows) if (row.record.id >= messageId) row.hidden = true;
      this.openCalls = [];
      if (this.#queue.length > 0) this.#setQueue([]);
      this.versions.reset = this.versions.snapshot;
      this.#say(this.#question());
    });
  }

  interrupt(): boolean {
    if (this.#status === "waiting" || this.#status === "error" || this.#status === "interrupting")
      return false;
    return this.#transaction(() => this.#interrupt());
  }

  submit(): boolean {
    if (this.#status !== "requires_action") return false;
    return this.#transaction(() => {
      this.#closeCalls();
      this.#run();
    });
  }

  deleteQueued(): boolean {
    return this.#queue.length > 0 && this.#transaction(() => this.#setQueue(this.#queue.slice(1)));
  }

  rename(): boolean {
    return this.#transaction(() => {
      this.versions.metadata = this.versions.snapshot;
    });
  }

  delete(): boolean {
    return this.#transaction(() => {
      this.#deleted = true;
    });
  }

  acquire(): boolean {
    if ((this.#status !== "running" && this.#status !== "interrupting") || (this.#owned && this.#alive))
      return false;
    return this.#transaction(() => {
      this.lease += 1;
      this.#owned = true;
      this.#alive = true;
    });
  }

  /** The worker's heartbeat stops: no commit, but the chat can be acquired anew. */
  ownerDies(): void {
    this.#alive = false;
  }

  owns(lease: number): boolean {
    return this.#owned && lease === this.lease;
  }

  beginAttempt(lease: number): boolean {
    if (!this.#runs(lease)) return false;
    return this.#transaction(() => {
      this.attempt += 1;
      this.#setRetrying(false);
    });
  }

  recordRetry(lease: number, attempt: number): boolean {
    return this.#runs(lease) && attempt === this.attempt && this.#transaction(() => this.#setRetrying(true));
  }

  commitStep(lease: number, { role, parts }: StepContent): boolean {
    return this.#runs(lease) && this.#transaction(() => this.#insert(role, parts));
  }

  finishInterrupt(lease: number, partial: StepContent | undefined): boolean {
    if (!this.owns(lease) || this.#status !== "interrupting") return false;
    return this.#transaction(() => {
      if (partial !== undefined) this.#insert(partial.role, partial.parts);
      this.#closeCalls();
      this.#promoteOrWait();
    });
  }

  finishTurn(lease: number): boolean {
    if (!this.#runs(lease) || this.openCalls.length > 0) return false;
    return this.#transaction(() => this.#promoteOrWait());
  }

  requireAction(lease: number): boolean {
    if (!this.#runs(lease) || this.openCalls.length === 0) return false;
    return this.#transaction(() => this.#become("requires_action"));
  }

  fail(lease: number): boolean {
    if (!this.#runs(lease)) return false;
    return this.#transaction(() => {
      this.#closeCalls();
      this.#become("error");
    });
  }

  release(lease: number): boolean {
    if (!this.owns(lease)) return false;
    return this.#transaction(() => {
      this.#owned = false;
    });
  }

  #isCheckpointed(): boolean {
    const now = { historyVersion: this.versions.history, generationAttempt: this.attempt };
    return compareEpisodes(now, this.checkpoint.episode) === 0;
  }

  #runs(lease: number): boolean {
    return this.owns(lease) && this.#status === "running";
  }

  #transaction(change: () => void): boolean {
    if (this.#deleted) return false;
    this.versions.snapshot += 1;
    change();
    const { snapshot, history } = this.versions;
    if (history === snapshot) this.attempt = 0;
    this.#past.push({ chat: this.#record(), messages: this.#visible(), queue: this.#queue });
    this.cuts.set(snapshot, {
      status: statusToProto(this.#record()),
      messageIds: this.#visible().map(({ id }) => id),
    });
    this.onCommit(snapshot);
    return true;
  }

  #interrupt(): void {
    if (this.#status === "running" && this.#owned && this.#alive) {
      this.#setRetrying(false);
      this.#status = "interrupting";
    } else if (this.#status !== "interrupting") {
      this.#closeCalls();
      this.#owned = false;
      this.#promoteOrWait();
    }
  }

  #run(): void {
    this.#become("running");
  }

  /** A state that nobody owns. */
  #become(status: ChatRecord["status"]): void {
    this.#setRetrying(false);
    this.#status = status;
    this.#owned = false;
  }

  #promote(): void {
    const [head, ...rest] = this.#queue;
    if (head === undefined) return;
    this.#setQueue(rest);
    this.#say(head.parts);
  }

  /** The turn is over: its owner goes on with the queue's head, or the chat is idle. */
  #promoteOrWait(): void {
    const owned = this.#owned;
    if (this.#queue.length === 0) {
      this.#become("waiting");
      return;
    }
    this.#promote();
    this.#owned = owned;
  }

  #say(parts: readonly StoredPart[]): void {
    this.#insert("user", parts);
    this.#run();
  }

  #question(): StoredPart[] {
    this.#questions += 1;
    return [{ type: "text", text: `question ${this.#questions}` }];
  }

  #enqueue(): void {
    this.#lastQueueId += 1;
    this.#setQueue([
      ...this.#queue,
      { id: this.#lastQueueId, parts: this.#question(), model, author: "alice", createdAt: at },
    ]);
  }

  #closeCalls(): void {
    if (this.openCalls.length > 0) this.#insert("tool", this.openCalls.map(toolResult));
  }

  #setQueue(queue: readonly QueuedRecord[]): void {
    this.#queue = queue;
    this.versions.queue = this.versions.snapshot;
  }

  #setRetrying(retrying: boolean): void {
    if (!retrying && !this.#retrying) return;
    this.#retrying = retrying;
    this.versions.retry = this.versions.snapshot;
  }

  #insert(role: MessageRecord["role"], parts: readonly StoredPart[]): void {
    const revision = this.versions.snapshot;
    const record = {
      id: this.#rows.length + 1,
      revision,
      role,
      parts,
      visibility: "both",
      interrupted: false,
      model,
    } as const;
    this.#rows.push({
      record: { ...record, author: undefined, usage: undefined, createdAt: at, contentError: undefined },
      hidden: false,
    });
    const ids = (type: StoredPart["type"]): string[] =>
      parts.flatMap((part) => (part.type === type && "tool_call_id" in part ? [part.tool_call_id] : []));
    const answered = ids("tool-result");
    this.openCalls = [...this.openCalls, ...ids("tool-call")].filter((id) => !answered.includes(id));
    this.versions.history = revision;
  }

  #visible(): MessageRecord[] {
    return this.#rows.filter(({ hidden }) => !hidden).map(({ record }) => record);
  }

  #record(): ChatRecord {
    const { versions } = this;
    const status = this.#status;
    return {
      id: chatId,
      owner: "alice",
      title: `title ${versions.metadata}`,
      labels: {},
      archived: false,
      pinned: false,
      model,
      status,
      workerId: this.#owned ? "worker" : undefined,
      error: status === "error" ? { message: "no", kind: "generic" } : undefined,
      retry: this.#retrying
        ? {
            attempt: this.attempt,
            delay_ms: 1,
            due_at: at.toISOString(),
            error: { message: "busy", kind: "overloaded" },
          }
        : undefined,
      actionDeadline: status === "requires_action" ? at : undefined,
      openCalls: this.openCalls.map((toolCallId) => ({ toolCallId, toolName: "ask", argsJson: "{}" })),
      snapshotVersion: versions.snapshot,
      historyVersion: versions.history,
      queueVersion: versions.queue,
      retryVersion: versions.retry,
      metadataVersion: versions.metadata,
      resetVersion: versions.reset,
      generationAttempt: this.attempt,
      createdAt: at,
      updatedAt: at,
    };
  }
}

export function toolResult(toolCallId: string): StoredPart {
  return { type: "tool-result", tool_call_id: toolCallId, tool_name: "ask", result_json: '"yes"' };
}
