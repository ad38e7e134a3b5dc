import type { ChatState, Fence, StepMessage, UserMessage } from "./chat-state.js";
import { createChatState } from "./create-chat-state.js";
import type { TransitionInput } from "./transition-input.js";

/** Things that the machine's tests say and do. Everything here is legal input; whether it is accepted is the machine's business. */
export const model = "scripted/default";

export function userMessage(text: string): UserMessage {
  return { parts: [{ type: "text", text }], author: "alice", model };
}

export function assistantText(text: string): StepMessage {
  return { role: "assistant", parts: [{ type: "text", text }], model };
}

export function assistantCalls(...ids: string[]): StepMessage {
  return {
    role: "assistant",
    model,
    parts: ids.map((id) => ({ type: "tool-call", tool_call_id: id, tool_name: "lookup", args_json: "{}" })),
  };
}

export function toolResult(id: string): Extract<StepMessage["parts"][number], { type: "tool-result" }> {
  return { type: "tool-result", tool_call_id: id, tool_name: "lookup", result_json: '"done"' };
}

export function newChat(): ChatState {
  return createChatState(model, [], userMessage("hello")).after;
}

/** The fence of whoever owns the chat now; one that holds nothing if nobody does. */
export function fenceOf(chat: ChatState): Fence {
  const { phase } = chat;
  const owner = phase.status === "running" || phase.status === "interrupting" ? phase.owner : undefined;
  return { workerId: owner?.workerId ?? "nobody", leaseEpoch: chat.leaseEpoch };
}

export function attemptOf(chat: ChatState): { historyVersion: number; generationAttempt: number } {
  return { historyVersion: chat.versions.history, generationAttempt: chat.generationAttempt };
}

/** The owner's replica stops beating. */
export function ownerDies(chat: ChatState): ChatState {
  return withOwner(chat, false);
}

/** The owner's replica beats again. */
export function ownerRevives(chat: ChatState): ChatState {
  return withOwner(chat, true);
}

function withOwner(chat: ChatState, alive: boolean): ChatState {
  const { phase } = chat;
  if ((phase.status === "running" || phase.status === "interrupting") && phase.owner !== undefined) {
    return { ...chat, phase: { ...phase, owner: { ...phase.owner, alive } } };
  }
  return chat;
}

/** One step of a walk through the machine: an input made for the present state, by name. */
export const moves = {
  sendQueue: () => ({ type: "Send", message: userMessage("more"), whenBusy: "queue" }),
  sendInterrupt: () => ({ type: "Send", message: userMessage("stop, this"), whenBusy: "interrupt" }),
  sendReject: () => ({ type: "Send", message: userMessage("if idle"), whenBusy: "reject" }),
  edit: () => ({ type: "Edit", messageId: 1, targetRole: "user", message: userMessage("rather") }),
  editAssistant: () => ({ type: "Edit", messageId: 2, targetRole: "assistant", message: userMessage("no") }),
  editUnknown: () => ({ type: "Edit", messageId: 99, targetRole: undefined, message: userMessage("no") }),
  interrupt: () => ({ type: "Interrupt" }),
  submit: (chat) => ({
    type: "SubmitToolResults",
    results: chat.openCalls.map((call) => toolResult(call.toolCallId)),
  }),
  submitPart: (chat) => ({
    type: "SubmitToolResults",
    results: chat.openCalls.slice(1).map((call) => toolResult(call.toolCallId)),
  }),
  deleteFirst: (chat) => ({ type: "DeleteQueued", queueId: chat.queue[0]?.id ?? 0 }),
  promoteLast: (chat) => ({ type: "PromoteQueued", queueId: chat.queue.at(-1)?.id ?? 0 }),
  compact: () => ({ type: "Compact", possible: true }),
  compactNothing: () => ({ type: "Compact", possible: false }),
  rename: () => ({ type: "UpdateMetadata" }),
  archive: () => ({ type: "Archive" }),
  unarchive: () => ({ type: "Unarchive" }),
  acquire: () => ({ type: "Acquire", workerId: "worker-a" }),
  acquireOther: () => ({ type: "Acquire", workerId: "worker-b" }),
  release: (chat) => ({ type: "Release", fence: fenceOf(chat) }),
  begin: (chat) => ({ type: "BeginAttempt", fence: fenceOf(chat), attempt: attemptOf(chat) }),
  retry: (chat) => ({
    type: "RecordRetry",
    fence: fenceOf(chat),
    attempt: attemptOf(chat),
    retry: {
      attempt: 1,
      delay_ms: 1000,
      due_at: "2026-01-01T00:00:01Z",
      error: { message: "busy", kind: "overloaded" },
    },
  }),
  checkpoint: (chat) => ({
    type: "Checkpoint",
    fence: fenceOf(chat),
    attempt: attemptOf(chat),
    partial:
      chat.openCalls.length > 0
        ? { role: "tool", parts: [toolResult(chat.openCalls[0]?.toolCallId ?? "")] }
        : { role: "assistant", parts: [{ type: "text", text: "so far" }] },
  }),
  startCalls: (chat) => ({
    type: "StartCalls",
    fence: fenceOf(chat),
    attempt: attemptOf(chat),
    toolCallIds: chat.openCalls.map((call) => call.toolCallId),
    startedAt: "2026-01-01T00:00:00Z",
  }),
  commitText: (chat) => ({
    type: "CommitStep",
    fence: fenceOf(chat),
    attempt: attemptOf(chat),
    messages: [assistantText("answer")],
  }),
  commitCalls: (chat) => ({
    type: "CommitStep",
    fence: fenceOf(chat),
    attempt: attemptOf(chat),
    messages: [assistantCalls(`c${chat.lastMessageId}a`, `c${chat.lastMessageId}b`)],
  }),
  commitResults: (chat) => ({
    type: "CommitStep",
    fence: fenceOf(chat),
    attempt: attemptOf(chat),
    messages: [{ role: "tool", parts: chat.openCalls.map((call) => toolResult(call.toolCallId)) }],
  }),
  commitStale: (chat) => ({
    type: "CommitStep",
    fence: { ...fenceOf(chat), leaseEpoch: chat.leaseEpoch - 1 },
    attempt: attemptOf(chat),
    messages: [assistantText("from a zombie")],
  }),
  requireAction: (chat) => ({
    type: "RequireAction",
    fence: fenceOf(chat),
    deadline: "2026-01-01T00:05:00.000Z",
  }),
  finish: (chat) => ({ type: "FinishTurn", fence: fenceOf(chat), historyVersion: chat.versions.history }),
  fail: (chat) => ({
    type: "Fail",
    fence: fenceOf(chat),
    attempt: attemptOf(chat),
    error: { message: "no", kind: "generic" },
  }),
  finishInterrupt: (chat) => ({
    type: "FinishInterrupt",
    fence: fenceOf(chat),
    partial: { role: "assistant", parts: [{ type: "text", text: "half" }] },
  }),
  finishInterruptEmpty: (chat) => ({ type: "FinishInterrupt", fence: fenceOf(chat), partial: undefined }),
  expire: () => ({ type: "ExpireAction" }),
} satisfies Record<string, (chat: ChatState) => TransitionInput>;

export type Move = keyof typeof moves;

export const allMoves = Object.keys(moves) as Move[];

/** What a worker, or any replica's clock, does without a client's help. */
export const workerMoves: readonly Move[] = [
  "acquire",
  "release",
  "begin",
  "retry",
  "checkpoint",
  "startCalls",
  "commitText",
  "commitCalls",
  "commitResults",
  "requireAction",
  "finish",
  "fail",
  "finishInterrupt",
  "finishInterruptEmpty",
  "expire",
];

export function inputFor(move: Move, chat: ChatState): TransitionInput {
  return moves[move](chat);
}
