import * as z from "zod";
import {
  type ChatRecord,
  decodeContent,
  escapeText,
  mapStrings,
  type MessageRecord,
  type QueuedRecord,
  readChatError,
  retryStateSchema,
  type Role,
  unescapeText,
  usageSchema,
  type Visibility,
} from "../protocol/index.js";

/** A row of `chats`, as both engines return it: int8 as number, timestamptz as Date, jsonb as text. */
export interface ChatRow {
  readonly id: string;
  readonly owner: string;
  readonly title: string;
  readonly labels: string;
  readonly archived: boolean;
  readonly pinned: boolean;
  readonly model: string;
  readonly status: ChatRecord["status"];
  readonly error: string | null;
  readonly retry: string | null;
  readonly action_deadline: Date | null;
  readonly open_calls: string;
  readonly compaction_requested: boolean;
  readonly worker_id: string | null;
  readonly lease_epoch: number;
  readonly snapshot_version: number;
  readonly history_version: number;
  readonly queue_version: number;
  readonly retry_version: number;
  readonly metadata_version: number;
  readonly reset_version: number;
  readonly generation_attempt: number;
  readonly last_message_id: number;
  readonly last_queue_id: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export const chatColumns = `c.id, c.owner, c.title, c.labels, c.archived, c.pinned, c.model, c.status, c.error, c.retry,
  c.action_deadline, c.open_calls, c.compaction_requested, c.worker_id, c.lease_epoch, c.snapshot_version, c.history_version,
  c.queue_version, c.retry_version, c.metadata_version, c.reset_version, c.generation_attempt, c.last_message_id, c.last_queue_id,
  c.created_at, c.updated_at`;

const openCallsSchema = z.array(
  z.object({
    tool_call_id: z.string(),
    tool_name: z.string(),
    args_json: z.string().optional(),
    started_at: z.string().optional(),
  }),
);

/** An open call as it is stored in `chats.open_calls`. */
export type OpenCallJson = z.infer<typeof openCallsSchema>[number];

/** Never throws: one bad column must not make a chat unreadable, nor keep workers from acquiring the others. */
export function decodeChat(row: ChatRow): ChatRecord {
  return {
    id: row.id,
    owner: row.owner,
    title: unescapeText(row.title),
    labels: decodeLabels(row.labels),
    archived: row.archived,
    pinned: row.pinned,
    model: row.model,
    status: row.status,
    workerId: row.worker_id ?? undefined,
    error: row.error === null ? undefined : readChatError(fromJsonb(row.error)),
    retry: row.retry === null ? undefined : retryStateSchema.safeParse(fromJsonb(row.retry)).data,
    actionDeadline: row.action_deadline ?? undefined,
    openCalls: decodeOpenCalls(row.open_calls).map((call) => ({
      toolCallId: call.tool_call_id,
      toolName: call.tool_name,
      argsJson: call.args_json,
    })),
    snapshotVersion: row.snapshot_version,
    historyVersion: row.history_version,
    queueVersion: row.queue_version,
    retryVersion: row.retry_version,
    metadataVersion: row.metadata_version,
    resetVersion: row.reset_version,
    generationAttempt: row.generation_attempt,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function decodeOpenCalls(openCalls: string): OpenCallJson[] {
  return openCallsSchema.safeParse(fromJsonb(openCalls)).data ?? [];
}

const labelsSchema = z.record(z.string(), z.unknown());

function decodeLabels(labels: string): Record<string, string> {
  const { data = {} } = labelsSchema.safeParse(fromJsonb(labels));
  return Object.fromEntries(
    Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** A row of `messages`. */
export interface MessageRow {
  readonly id: number;
  readonly revision: number;
  readonly role: Role;
  readonly content: string | null;
  readonly content_version: number;
  readonly visibility: Visibility;
  readonly interrupted: boolean;
  readonly model: string | null;
  readonly author: string | null;
  readonly usage: string | null;
  readonly created_at: Date;
}

export const messageColumns = `m.id, m.revision, m.role, m.content, m.content_version, m.visibility, m.interrupted, m.model,
  m.author, m.usage, m.created_at`;

/** Never throws; what cannot be read is reported in `contentError`. */
export function decodeMessage(row: MessageRow): MessageRecord {
  const content = decodeContent(row.content, row.content_version, row.role);
  return {
    id: row.id,
    revision: row.revision,
    role: row.role,
    parts: content.ok ? content.parts : [],
    visibility: row.visibility,
    interrupted: row.interrupted,
    model: row.model ?? undefined,
    author: row.author ?? undefined,
    usage: row.usage === null ? undefined : usageSchema.safeParse(JSON.parse(row.usage)).data,
    createdAt: row.created_at,
    contentError: content.ok ? undefined : content.error,
  };
}

/** A row of `queued_messages`. */
export interface QueuedRow {
  readonly id: number;
  readonly content: string | null;
  readonly content_version: number;
  readonly model: string;
  readonly author: string;
  readonly created_at: Date;
}

export function decodeQueued(row: QueuedRow): QueuedRecord {
  const content = decodeContent(row.content, row.content_version, "user");
  return {
    id: row.id,
    parts: content.ok ? content.parts : [],
    model: row.model,
    author: row.author,
    createdAt: row.created_at,
  };
}

/** The text of a jsonb column for this value; any string in it survives (PART-5). */
export function toJsonb(value: unknown): string {
  return JSON.stringify(mapStrings(value, escapeText));
}

function fromJsonb(text: string): unknown {
  return mapStrings(JSON.parse(text), unescapeText);
}
