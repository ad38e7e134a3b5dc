import {
  type ChatError,
  decodeCheckpoint,
  decodeContent,
  foldDeltas,
  type RetryState,
  type Role,
  usageSchema,
} from "../protocol/index.js";
import type { ChatColumns, ChatExtras, ChatRow } from "../store/index.js";
import { decodeChat, decodeOpenCalls } from "../store/index.js";
import type { ChatState, OpenCall, Partial, Phase } from "./chat-state.js";

/** The machine's state from a locked row and what belongs to it. */
export function chatStateFromRows(row: ChatRow, extras: ChatExtras): ChatState {
  return {
    phase: phaseFromRow(row, extras.ownerAlive),
    archived: row.archived,
    versions: {
      snapshot: row.snapshot_version,
      history: row.history_version,
      queue: row.queue_version,
      retry: row.retry_version,
      metadata: row.metadata_version,
      reset: row.reset_version,
    },
    generationAttempt: row.generation_attempt,
    leaseEpoch: row.lease_epoch,
    lastMessageId: row.last_message_id,
    lastQueueId: row.last_queue_id,
    model: row.model,
    queue: extras.queue.map(({ id, position, content, content_version, model, author }) => ({
      id,
      position,
      parts: partsOf(content, content_version, "user"),
      model,
      author,
    })),
    openCalls: openCallsFromRow(row),
    checkpoint: checkpointFromRows(row, extras),
    compactionRequested: row.compaction_requested,
  };
}

function phaseFromRow(row: ChatRow, ownerAlive: boolean): Phase {
  const chat = decodeChat(row);
  const owner = row.worker_id === null ? undefined : { workerId: row.worker_id, alive: ownerAlive };
  switch (row.status) {
    case "running":
      return { status: "running", owner, retry: chat.retry };
    case "interrupting":
      return { status: "interrupting", owner };
    case "requires_action":
      return { status: "requires_action", deadline: (chat.actionDeadline ?? new Date(0)).toISOString() };
    case "waiting":
      return { status: "waiting" };
    case "error":
      return { status: "error", error: chat.error ?? { message: "The turn failed.", kind: "generic" } };
    default:
      return row.status satisfies never;
  }
}

export function openCallsFromRow(row: ChatRow): OpenCall[] {
  return decodeOpenCalls(row.open_calls).map((call) => ({
    toolCallId: call.tool_call_id,
    toolName: call.tool_name,
    argsJson: call.args_json,
    startedAt: call.started_at,
  }));
}

/**
 * What the attempt had produced: as its worker handed it over, or else as much of it as clients were shown and intervals wrote down.
 * Results of tools are written in both ways; the more complete one counts.
 */
function checkpointFromRows(row: ChatRow, extras: ChatExtras): Partial | undefined {
  const written = writtenPartial(extras);
  if (extras.deltas.length === 0 || written?.role === "assistant") return written;
  const shown = foldDeltas(decodeCheckpoint(extras.deltas));
  if (shown.parts.length <= (written?.parts.length ?? 0)) return written;
  return shown.role === "assistant" ? { ...shown, model: row.model } : shown;
}

function writtenPartial({ checkpoint }: ChatExtras): Partial | undefined {
  if (checkpoint === undefined) return undefined;
  return {
    role: checkpoint.role,
    parts: partsOf(checkpoint.content, checkpoint.content_version, checkpoint.role),
    model: checkpoint.model ?? undefined,
    usage: checkpoint.usage === null ? undefined : usageSchema.safeParse(JSON.parse(checkpoint.usage)).data,
  };
}

function partsOf(content: string, version: number, role: Role): ChatState["queue"][number]["parts"] {
  const decoded = decodeContent(content, version, role);
  return decoded.ok ? decoded.parts : [];
}

/** The columns for a state of the machine. */
export function chatStateToColumns(chat: ChatState): ChatColumns {
  const { phase } = chat;
  const owned =
    phase.status === "running" || phase.status === "interrupting" ? phase.owner?.workerId : undefined;
  const error: ChatError | undefined = phase.status === "error" ? phase.error : undefined;
  const retry: RetryState | undefined = phase.status === "running" ? phase.retry : undefined;
  return {
    archived: chat.archived,
    model: chat.model,
    status: phase.status,
    error,
    retry,
    actionDeadline: phase.status === "requires_action" ? phase.deadline : undefined,
    openCalls: chat.openCalls.map((call) => ({
      tool_call_id: call.toolCallId,
      tool_name: call.toolName,
      args_json: call.argsJson,
      started_at: call.startedAt,
    })),
    compactionRequested: chat.compactionRequested,
    workerId: owned,
    leaseEpoch: chat.leaseEpoch,
    snapshotVersion: chat.versions.snapshot,
    historyVersion: chat.versions.history,
    queueVersion: chat.versions.queue,
    retryVersion: chat.versions.retry,
    metadataVersion: chat.versions.metadata,
    resetVersion: chat.versions.reset,
    generationAttempt: chat.generationAttempt,
    lastMessageId: chat.lastMessageId,
    lastQueueId: chat.lastQueueId,
  };
}
