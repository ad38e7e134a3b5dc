import type { StoredPart, ToolResultPart } from "../protocol/index.js";
import {
  type AttemptRef,
  type ChatState,
  type Fence,
  maxAttempts,
  maxQueueLength,
  maxQueueSize,
  type NewMessage,
  type OpenCall,
  type Owner,
  type Partial,
  type Phase,
  type QueuedItem,
  type StepMessage,
  type UserMessage,
} from "./chat-state.js";
import type { TransitionInput } from "./transition-input.js";
import { classify, type Refusal, transitionName, transitionTable } from "./transition-table.js";

/** What a transition did. `chat` is undefined when it was deleted. */
export interface Transitioned {
  readonly ok: true;
  readonly chat: ChatState | undefined;
  /** Rows for the history, in order of their ids. */
  readonly inserted: readonly NewMessage[];
  /** This message and all before `inserted` with a greater id are hidden. */
  readonly hiddenFrom: number | undefined;
  /** False when nothing at all changed, or only what no client can see: then nobody is notified. */
  readonly notify: boolean;
}

export interface Refused {
  readonly ok: false;
  readonly refusal: Refusal;
}

/**
 * Decides how a chat may change: `(chat, input) → the chat after it, or a refusal`. Pure; see `transition-table.ts`.
 * A refusal changes nothing. The only caller that writes what this returns is `chats.ts`.
 */
export function transition(before: ChatState, input: TransitionInput): Transitioned | Refused {
  const fence = "fence" in input ? input.fence : undefined;
  if (fence !== undefined && !holdsLease(before, fence)) return refuse("STALE");
  // A worker that writes under the present lease lives, however late its heartbeat is.
  const chat = fence === undefined ? before : withLivingOwner(before);
  const cell = transitionTable[transitionName(input)][classify(chat)];
  if (cell.startsWith("!")) return refuse(cell.slice(1) as Refusal);
  if ("attempt" in input && !isCurrentAttempt(chat, input.attempt)) return refuse("STALE");

  const next = step(chat, input);
  if (next.ok && next.chat !== undefined && !cell.split(" ").includes(classify(next.chat))) {
    throw new Error(
      `the transition table does not lead from ${classify(chat)} by ${transitionName(input)} to ${classify(next.chat)}`,
    );
  }
  return next;
}

function step(chat: ChatState, input: TransitionInput): Transitioned | Refused {
  const draft = new Draft(chat);
  switch (input.type) {
    case "Send":
      return send(draft, input.message, input.whenBusy === "interrupt");
    case "Edit":
      return edit(draft, input);
    case "Interrupt":
      return interrupt(draft);
    case "SubmitToolResults":
      return submitToolResults(draft, input.results);
    case "DeleteQueued":
      return draft.takeQueued(input.queueId) === undefined
        ? refuse("QUEUED_MESSAGE_NOT_FOUND")
        : draft.done();
    case "PromoteQueued":
      return promoteQueued(draft, input.queueId);
    case "Compact":
      if (!input.possible) return refuse("NOTHING_TO_COMPACT");
      draft.run();
      draft.compactionRequested = true;
      return draft.done();
    case "UpdateMetadata":
      if (input.model !== undefined) draft.model = input.model;
      draft.touched.metadata = true;
      return draft.done();
    case "Archive":
    case "Unarchive": {
      const archived = input.type === "Archive";
      if (chat.archived === archived) return unchanged(chat);
      draft.archived = archived;
      draft.touched.metadata = true;
      return draft.done();
    }
    case "Delete":
      return { ok: true, chat: undefined, inserted: [], hiddenFrom: undefined, notify: true };
    case "Acquire":
      return acquire(draft, input.workerId);
    case "Release":
      draft.setOwner(undefined);
      return draft.done();
    case "BeginAttempt":
      if (chat.generationAttempt >= maxAttempts) return refuse("ATTEMPTS_EXHAUSTED");
      draft.generationAttempt += 1;
      draft.dropAnswer();
      draft.setRetry(undefined);
      return draft.done();
    case "RecordRetry":
      draft.dropAnswer();
      draft.setRetry(input.retry);
      return draft.done();
    case "Checkpoint":
      return silently({ ...chat, checkpoint: input.partial });
    case "StartCalls":
      return silently({
        ...chat,
        openCalls: chat.openCalls.map((call) =>
          input.toolCallIds.includes(call.toolCallId) ? { ...call, startedAt: input.startedAt } : call,
        ),
      });
    case "CommitStep":
      if (!answersOpenCalls(chat, input.messages)) return refuse("INVALID_TRANSITION");
      for (const message of input.messages) draft.insertStep(message, false);
      draft.compactionRequested = false;
      return draft.done();
    case "RequireAction":
      if (chat.openCalls.length === 0) return refuse("INVALID_TRANSITION");
      draft.phase = { status: "requires_action", deadline: input.deadline };
      return draft.done();
    case "FinishTurn":
      if (chat.versions.history !== input.historyVersion) return refuse("STALE");
      if (chat.openCalls.length > 0) return refuse("INVALID_TRANSITION");
      draft.promoteHeadOrWait();
      return draft.done();
    case "Fail":
      draft.closeOpenCalls("failed");
      draft.checkpoint = undefined;
      draft.setRetry(undefined);
      draft.phase = { status: "error", error: input.error };
      return draft.done();
    case "FinishInterrupt":
      draft.checkpoint = input.partial;
      draft.commitPartial("interrupted");
      draft.promoteHeadOrWait();
      return draft.done();
    case "ExpireAction":
      draft.closeOpenCalls("timed_out");
      draft.run();
      return draft.done();
    default:
      return input satisfies never;
  }
}

function send(draft: Draft, message: UserMessage, interrupting: boolean): Transitioned | Refused {
  const { phase } = draft.before;
  const idle = phase.status === "waiting" || phase.status === "error";
  if (idle && draft.queue.length === 0) {
    draft.say(message);
    draft.run();
    return draft.done();
  }
  const promotes = idle || (interrupting && (phase.status === "requires_action" || draft.isPending()));
  // A promotion frees a place before the message takes one.
  const places = maxQueueLength + (promotes ? 1 : 0);
  if (draft.queue.length >= places || sizeOf([...draft.queue, message]) > maxQueueSize)
    return refuse("QUEUE_FULL");
  draft.enqueue(message);
  if (promotes) {
    if (!idle) draft.commitPartial(phase.status === "requires_action" ? "cancelled" : "interrupted");
    draft.promoteHead();
    draft.run();
  } else if (interrupting) {
    draft.requestInterrupt();
  }
  return draft.done();
}

/** Roughly what the messages take on the wire: the whole queue travels in one event. */
function sizeOf(messages: readonly UserMessage[]): number {
  return messages.reduce((sum, message) => sum + JSON.stringify(message.parts).length, 0);
}

function edit(draft: Draft, input: Extract<TransitionInput, { type: "Edit" }>): Transitioned | Refused {
  if (input.targetRole === undefined) return refuse("MESSAGE_NOT_FOUND");
  if (input.targetRole !== "user") return refuse("NOT_A_USER_MESSAGE");
  draft.discardFrom(input.messageId);
  draft.say(input.message);
  draft.run();
  return draft.done();
}

function interrupt(draft: Draft): Transitioned | Refused {
  const { phase } = draft.before;
  if (phase.status === "interrupting") return unchanged(draft.before);
  if (phase.status === "running" && !draft.isPending()) {
    draft.requestInterrupt();
    return draft.done();
  }
  draft.commitPartial("interrupted");
  draft.setOwner(undefined);
  draft.promoteHeadOrWait();
  return draft.done();
}

function submitToolResults(draft: Draft, results: readonly ToolResultPart[]): Transitioned | Refused {
  const open = draft.openCalls.map((call) => call.toolCallId);
  const given = results.map((result) => result.tool_call_id);
  if (open.length !== given.length || !open.every((id) => given.includes(id)))
    return refuse("TOOL_RESULTS_MISMATCH");
  const parts = draft.openCalls.map((call) => ({
    ...(results.find((result) => result.tool_call_id === call.toolCallId) as ToolResultPart),
    tool_name: call.toolName,
  }));
  draft.insertStep({ role: "tool", parts }, false);
  draft.run();
  return draft.done();
}

function promoteQueued(draft: Draft, queueId: number): Transitioned | Refused {
  const item = draft.takeQueued(queueId);
  if (item === undefined) return refuse("QUEUED_MESSAGE_NOT_FOUND");
  const { phase } = draft.before;
  if (phase.status === "interrupting" || (phase.status === "running" && !draft.isPending())) {
    draft.enqueueFirst(item);
    draft.requestInterrupt();
    return draft.done();
  }
  if (phase.status !== "error")
    draft.commitPartial(phase.status === "requires_action" ? "cancelled" : "interrupted");
  draft.say(item);
  draft.run();
  return draft.done();
}

function acquire(draft: Draft, workerId: string): Transitioned | Refused {
  const { phase } = draft.before;
  if (!isTurn(phase)) return refuse("NOT_ACQUIRABLE");
  if (phase.owner?.alive === true && phase.owner.workerId !== workerId) return refuse("NOT_ACQUIRABLE");
  draft.leaseEpoch += 1;
  draft.setOwner({ workerId, alive: true });
  return draft.done();
}

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

/** One transition under way: the parts that change, and which aspects they belong to. */
class Draft {
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

/** The results of a batch are committed together, and before the model speaks again. */
function answersOpenCalls(chat: ChatState, messages: readonly StepMessage[]): boolean {
  const [first] = messages;
  return chat.openCalls.every((call) => first?.role === "tool" && hasResult(first.parts, call.toolCallId));
}

function isTurn(phase: Phase): phase is Extract<Phase, { owner: unknown }> {
  return phase.status === "running" || phase.status === "interrupting";
}

function hasResult(parts: readonly StoredPart[], toolCallId: string): boolean {
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

function holdsLease(chat: ChatState, fence: Fence): boolean {
  const { phase } = chat;
  return isTurn(phase) && phase.owner?.workerId === fence.workerId && chat.leaseEpoch === fence.leaseEpoch;
}

function withLivingOwner(chat: ChatState): ChatState {
  const { phase } = chat;
  if (!isTurn(phase) || phase.owner === undefined) return chat;
  return phase.owner.alive ? chat : { ...chat, phase: { ...phase, owner: { ...phase.owner, alive: true } } };
}

function isCurrentAttempt(chat: ChatState, attempt: AttemptRef): boolean {
  return (
    chat.versions.history === attempt.historyVersion && chat.generationAttempt === attempt.generationAttempt
  );
}

/** Durable, but nothing a client can see. */
function silently(chat: ChatState): Transitioned {
  return { ok: true, chat, inserted: [], hiddenFrom: undefined, notify: false };
}

function unchanged(chat: ChatState): Transitioned {
  return silently(chat);
}

function refuse(refusal: Refusal): Refused {
  return { ok: false, refusal };
}
