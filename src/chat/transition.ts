import type { ToolResultPart } from "../protocol/index.js";
import {
  type AttemptRef,
  type ChatState,
  type Fence,
  maxAttempts,
  maxQueueLength,
  maxQueueSize,
  type StepMessage,
  type UserMessage,
} from "./chat-state.js";
import { Draft, hasResult, isTurn } from "./draft.js";
import type { TransitionInput } from "./transition-input.js";
import type { Refused, Transitioned } from "./transition-result.js";
import { classify, type Refusal, transitionName, transitionTable } from "./transition-table.js";

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

/** The results of a batch are committed together, and before the model speaks again. */
function answersOpenCalls(chat: ChatState, messages: readonly StepMessage[]): boolean {
  const [first] = messages;
  return chat.openCalls.every((call) => first?.role === "tool" && hasResult(first.parts, call.toolCallId));
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
