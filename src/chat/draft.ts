import type { StoredPart, ToolResultPart } from "../protocol/index.js";
import type {
  ChatState,
  NewMessage,
  OpenCall,
  Owner,
  Partial,
  Phase,
  QueuedItem,
  StepMessage,
  UserMessage,
} from "./chat-state.js";
import type { Transitioned } from "./transition-result.js";

/** Why open calls are closed without having been run to their end: what the model reads in their results. */
const closings = {
  interrupted: "The tool call was interrupted by the user.",
  cancelled: "The tool call was cancelled: the user went on with another message.",
  timed_out: "The tool call timed out: no result was submitted in time.",
  failed: "The tool call was given up: the turn failed.",
} as const;

type Closing = keyof typeof closings;

function closedResult(call: Pick<OpenCall, "toolCallId" | "toolName">, why: Closing): ToolResultPart {
  return {
    type: "tool-result",
    tool_call_id: call.toolCallId,
    tool_name: call.toolName,
    result_json: JSON.stringify({ error: closings[why] }),
    is_error: true,
  };
}

/** One transition under way: what changes, and which aspects that belongs to. {@link Draft.done} gives the chat after it. */
export class Draft {
  readonly before: ChatState;
  phase: Phase;
  archived: boolean;
  generationAttempt: number;
  leaseEpoch: number;
  model: string;
  queue: readonly QueuedItem[];
  openCalls: readonly OpenCall[];
  checkpoint: Partial | undefined;
  compactionRequested: boolean;
  readonly touched = { history: false, queue: false, retry: false, metadata: false, reset: false };
  readonly #inserted: NewMessage[] = [];
  #hiddenFrom: number | undefined;
  #lastMessageId: number;
  #lastQueueId: number;

  constructor(chat: ChatState) {
    this.before = chat;
    this.phase = chat.phase;
    this.archived = chat.archived;
    this.generationAttempt = chat.generationAttempt;
    this.leaseEpoch = chat.leaseEpoch;
    this.model = chat.model;
    this.queue = chat.queue;
    this.openCalls = chat.openCalls;
    this.checkpoint = chat.checkpoint;
    this.compactionRequested = chat.compactionRequested;
    this.#lastMessageId = chat.lastMessageId;
    this.#lastQueueId = chat.lastQueueId;
  }

  /** A turn is to run and no living worker has it. */
  isPending(): boolean {
    return this.before.phase.status === "running" && this.before.phase.owner?.alive !== true;
  }

  setOwner(owner: Owner | undefined): void {
    if (isTurn(this.phase)) this.phase = { ...this.phase, owner };
  }

  /** A turn is to run; whoever runs it acquires it first. */
  run(): void {
    this.setRetry(undefined);
    this.phase = { status: "running", owner: undefined, retry: undefined };
  }

  /** Of a failed or abandoned attempt nothing is kept, but for the results of tools: those had their effect (RETRY-5). */
  dropAnswer(): void {
    if (this.checkpoint?.role === "assistant") this.checkpoint = undefined;
  }

  requestInterrupt(): void {
    const { phase } = this;
    this.setRetry(undefined);
    if (phase.status === "running") this.phase = { status: "interrupting", owner: phase.owner };
  }

  setRetry(retry: Extract<Phase, { status: "running" }>["retry"]): void {
    if (this.phase.status !== "running" || (retry === undefined && this.phase.retry === undefined)) return;
    this.phase = { ...this.phase, retry };
    this.touched.retry = true;
  }

  /** A user message enters the history. Never while calls are open. */
  say(message: UserMessage): void {
    if (this.openCalls.length > 0)
      throw new Error("a user message must not enter the history while calls are open");
    this.#insert({ role: "user", parts: message.parts, model: message.model }, { author: message.author });
    if (this.model !== message.model) this.touched.metadata = true;
    this.model = message.model;
  }

  enqueue(message: UserMessage): void {
    this.#lastQueueId += 1;
    const { parts, author, model } = message;
    this.#setQueue([
      ...this.queue,
      { id: this.#lastQueueId, position: (this.queue.at(-1)?.position ?? 0) + 1, parts, author, model },
    ]);
  }

  enqueueFirst(item: QueuedItem): void {
    this.#setQueue([{ ...item, position: (this.queue[0]?.position ?? 1) - 1 }, ...this.queue]);
  }

  takeQueued(id: number): QueuedItem | undefined {
    const item = this.queue.find((queued) => queued.id === id);
    if (item !== undefined) this.#setQueue(this.queue.filter((queued) => queued.id !== id));
    return item;
  }

  promoteHead(): boolean {
    const [head, ...rest] = this.queue;
    if (head === undefined) return false;
    this.#setQueue(rest);
    this.say(head);
    return true;
  }

  /** The turn is over: its owner goes on with the queue's head, or the chat is idle (CHAT-5). */
  promoteHeadOrWait(): void {
    const { phase } = this;
    if (this.promoteHead()) {
      const owner = isTurn(phase) ? phase.owner : undefined;
      this.setRetry(undefined);
      this.phase = { status: "running", owner, retry: undefined };
    } else {
      this.setRetry(undefined);
      this.phase = { status: "waiting" };
    }
  }

  /** A message of a step enters the history; calls open and close accordingly. */
  insertStep(message: StepMessage, interrupted: boolean): void {
    this.#insert(message, { interrupted });
    this.openCalls = [...this.openCalls, ...callsOf(message.parts)].filter(
      (call) => !hasResult(message.parts, call.toolCallId),
    );
  }

  /** What was checkpointed enters the history, and no call stays open. */
  commitPartial(why: Closing): void {
    const partial = this.checkpoint;
    this.checkpoint = undefined;
    if (partial?.role === "assistant" && partial.parts.length > 0) {
      this.closeOpenCalls(why);
      this.insertStep({ ...partial, parts: closeProviderCalls(partial.parts, why) }, true);
    }
    this.closeOpenCalls(why, partial?.role === "tool" ? partial.parts : []);
  }

  /** All open calls get results in one tool message: those given, and for the others one that says why there is none. */
  closeOpenCalls(why: Closing, given: readonly StoredPart[] = []): void {
    if (this.openCalls.length === 0) return;
    const parts = this.openCalls.map(
      (call) =>
        given.find((part) => part.type === "tool-result" && part.tool_call_id === call.toolCallId) ??
        closedResult(call, why),
    );
    this.insertStep({ role: "tool", parts }, why === "interrupted");
  }

  /** Hides the history from a message on, and drops everything that hung on it. */
  discardFrom(messageId: number): void {
    this.#hiddenFrom = messageId;
    this.openCalls = [];
    this.checkpoint = undefined;
    this.compactionRequested = false;
    this.touched.reset = true;
    if (this.queue.length > 0) this.#setQueue([]);
  }

  done(): Transitioned {
    const snapshot = this.before.versions.snapshot + 1;
    const { versions } = this.before;
    const { touched } = this;
    const chat: ChatState = {
      phase: this.phase,
      archived: this.archived,
      versions: {
        snapshot,
        history: touched.history ? snapshot : versions.history,
        queue: touched.queue ? snapshot : versions.queue,
        retry: touched.retry ? snapshot : versions.retry,
        metadata: touched.metadata ? snapshot : versions.metadata,
        reset: touched.reset ? snapshot : versions.reset,
      },
      generationAttempt: touched.history ? 0 : this.generationAttempt,
      leaseEpoch: this.leaseEpoch,
      lastMessageId: this.#lastMessageId,
      lastQueueId: this.#lastQueueId,
      model: this.model,
      queue: this.queue,
      openCalls: this.openCalls,
      checkpoint: touched.history || !isTurn(this.phase) ? undefined : this.checkpoint,
      compactionRequested: this.compactionRequested,
    };
    return { ok: true, chat, inserted: this.#inserted, hiddenFrom: this.#hiddenFrom, notify: true };
  }

  #setQueue(queue: readonly QueuedItem[]): void {
    this.queue = queue;
    this.touched.queue = true;
  }

  #insert(message: StepMessage, fields: { author?: string; interrupted?: boolean }): void {
    this.#lastMessageId += 1;
    this.#inserted.push({
      id: this.#lastMessageId,
      role: message.role,
      parts: message.parts,
      visibility: message.visibility ?? "both",
      interrupted: fields.interrupted ?? false,
      model: message.model,
      author: fields.author,
      usage: message.usage,
    });
    this.touched.history = true;
  }
}

/** Calls of tools that we or the client run. Those of the provider are answered inside the assistant message (PART-6). */
function callsOf(parts: readonly StoredPart[]): OpenCall[] {
  return parts
    .filter((part) => part.type === "tool-call")
    .filter((part) => part.provider_executed !== true)
    .map((part) => ({ toolCallId: part.tool_call_id, toolName: part.tool_name, argsJson: part.args_json }));
}

/** A turn is to run, runs, or is being interrupted. */
export function isTurn(phase: Phase): phase is Extract<Phase, { owner: unknown }> {
  return phase.status === "running" || phase.status === "interrupting";
}

export function hasResult(parts: readonly StoredPart[], toolCallId: string): boolean {
  return parts.some((part) => part.type === "tool-result" && part.tool_call_id === toolCallId);
}

/** A partial may end in the middle of a provider-run tool: its result stands right after its call, so we say there what happened. */
function closeProviderCalls(parts: readonly StoredPart[], why: Closing): readonly StoredPart[] {
  return parts.flatMap((part) => {
    const open =
      part.type === "tool-call" && part.provider_executed === true && !hasResult(parts, part.tool_call_id);
    if (!open) return [part];
    const result = closedResult({ toolCallId: part.tool_call_id, toolName: part.tool_name }, why);
    return [part, { ...result, provider_executed: true }];
  });
}
