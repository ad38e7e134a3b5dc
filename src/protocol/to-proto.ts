import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Chat, ChatSchema, ChatStatus, type RetrySchema } from "../gen/palaver/chat/v1/chat_pb.js";
import { ChatErrorKind as ProtoErrorKind, type ChatErrorSchema } from "../gen/palaver/chat/v1/error_pb.js";
import {
  type FilePart as ProtoFilePart,
  type Message,
  MessageSchema,
  type Part,
  PartSchema,
  type QueuedMessage,
  QueuedMessageSchema,
  Role as ProtoRole,
  type UsageSchema,
} from "../gen/palaver/chat/v1/message_pb.js";
import type { ChatError, ChatErrorKind, RetryState } from "./chat-error.js";
import { withoutEncryptedContent } from "./encrypted-content.js";
import type { ChatRecord, MessageRecord, QueuedRecord } from "./records.js";
import type { FilePart, Role, StoredPart, Usage } from "./stored-part.js";

/** The only way from stored data to clients: what is not mapped here is not shown (PART-4). */
export function chatToProto(chat: ChatRecord): Chat {
  return create(ChatSchema, {
    id: chat.id,
    title: chat.title,
    labels: { ...chat.labels },
    archived: chat.archived,
    pinned: chat.pinned,
    model: chat.model,
    status: statusToProto(chat),
    ...(chat.error === undefined ? {} : { error: errorToProto(chat.error) }),
    ...(chat.retry === undefined ? {} : { retry: retryToProto(chat.retry) }),
    ...(chat.status === "requires_action"
      ? {
          actionRequired: {
            calls: chat.openCalls.map(({ toolCallId, toolName, argsJson }) => ({
              toolCallId,
              toolName,
              ...(argsJson === undefined ? {} : { argsJson }),
            })),
            ...(chat.actionDeadline === undefined
              ? {}
              : { deadline: timestampFromDate(chat.actionDeadline) }),
          },
        }
      : {}),
    versions: {
      snapshotVersion: BigInt(chat.snapshotVersion),
      historyVersion: BigInt(chat.historyVersion),
      queueVersion: BigInt(chat.queueVersion),
      retryVersion: BigInt(chat.retryVersion),
      generationAttempt: chat.generationAttempt,
    },
    createTime: timestampFromDate(chat.createdAt),
    updateTime: timestampFromDate(chat.updatedAt),
  });
}

/**
 * A running chat that nobody owns is PENDING. A chat whose owner has died stays RUNNING until another worker acquires it: a status
 * changes with a version, never with the mere passing of time.
 */
export function statusToProto(chat: Pick<ChatRecord, "status" | "workerId">): ChatStatus {
  switch (chat.status) {
    case "running":
      return chat.workerId === undefined ? ChatStatus.PENDING : ChatStatus.RUNNING;
    case "interrupting":
      return ChatStatus.INTERRUPTING;
    case "requires_action":
      return ChatStatus.REQUIRES_ACTION;
    case "waiting":
      return ChatStatus.WAITING;
    case "error":
      return ChatStatus.ERROR;
    default:
      return chat.status satisfies never;
  }
}

const errorKinds: Readonly<Record<ChatErrorKind, ProtoErrorKind>> = {
  generic: ProtoErrorKind.GENERIC,
  overloaded: ProtoErrorKind.OVERLOADED,
  rate_limit: ProtoErrorKind.RATE_LIMIT,
  timeout: ProtoErrorKind.TIMEOUT,
  auth: ProtoErrorKind.AUTH,
  config: ProtoErrorKind.CONFIG,
  usage_limit: ProtoErrorKind.USAGE_LIMIT,
  content_filter: ProtoErrorKind.CONTENT_FILTER,
};

function errorToProto(error: ChatError): MessageInitShape<typeof ChatErrorSchema> {
  return {
    message: error.message,
    kind: errorKinds[error.kind],
    provider: error.provider ?? "",
    retryable: error.retryable ?? false,
    ...(error.status_code === undefined ? {} : { statusCode: error.status_code }),
    detail: error.detail ?? "",
  };
}

function retryToProto(retry: RetryState): MessageInitShape<typeof RetrySchema> {
  return {
    attempt: retry.attempt,
    delayMs: BigInt(Math.round(retry.delay_ms)),
    dueTime: timestampFromDate(new Date(retry.due_at)),
    error: errorToProto(retry.error),
  };
}

const roles: ReadonlyMap<string, ProtoRole> = new Map<Role, ProtoRole>([
  ["system", ProtoRole.SYSTEM],
  ["user", ProtoRole.USER],
  ["assistant", ProtoRole.ASSISTANT],
  ["tool", ProtoRole.TOOL],
]);

/** A stored role that is newer than this program is shown as unspecified. */
export function roleToProto(role: string): ProtoRole {
  return roles.get(role) ?? ProtoRole.UNSPECIFIED;
}

export function messageToProto(message: MessageRecord): Message {
  return create(MessageSchema, {
    id: BigInt(message.id),
    revision: BigInt(message.revision),
    role: roleToProto(message.role),
    parts: message.parts.map(partToProto),
    createTime: timestampFromDate(message.createdAt),
    interrupted: message.interrupted,
    model: message.model ?? "",
    author: message.author ?? "",
    ...(message.usage === undefined ? {} : { usage: usageToProto(message.usage) }),
    contentError: message.contentError ?? "",
  });
}

export function queuedToProto(queued: QueuedRecord): QueuedMessage {
  return create(QueuedMessageSchema, {
    id: BigInt(queued.id),
    parts: queued.parts.map(partToProto),
    model: queued.model,
    author: queued.author,
    createTime: timestampFromDate(queued.createdAt),
  });
}

export function partToProto(part: StoredPart): Part {
  switch (part.type) {
    case "text":
      // As `create` would make it, in a fraction of the time: each delta of a model is one.
      return {
        $typeName: "palaver.chat.v1.Part",
        kind: { case: "text", value: { $typeName: "palaver.chat.v1.TextPart", text: part.text } },
      };
    case "reasoning":
      return create(PartSchema, {
        kind: {
          case: "reasoning",
          value: {
            text: part.text,
            ...instant("startedAt", part.started_at),
            ...instant("completedAt", part.completed_at),
          },
        },
      });
    case "tool-call":
      return create(PartSchema, {
        kind: {
          case: "toolCall",
          value: {
            toolCallId: part.tool_call_id,
            toolName: part.tool_name,
            ...(part.args_json === undefined ? {} : { argsJson: part.args_json }),
            providerExecuted: part.provider_executed ?? false,
            ...instant("createdAt", part.created_at),
          },
        },
      });
    case "tool-result":
      return create(PartSchema, {
        kind: {
          case: "toolResult",
          value: {
            toolCallId: part.tool_call_id,
            toolName: part.tool_name,
            resultJson:
              part.provider_executed === true ? withoutEncryptedContent(part.result_json) : part.result_json,
            isError: part.is_error ?? false,
            isMedia: part.is_media ?? false,
            providerExecuted: part.provider_executed ?? false,
            ...instant("createdAt", part.created_at),
          },
        },
      });
    case "file":
      return create(PartSchema, {
        kind: {
          case: "file",
          value: {
            content: fileContent(part),
            mediaType: part.media_type,
            name: part.name ?? "",
          },
        },
      });
    case "file-reference":
      return create(PartSchema, {
        kind: {
          case: "fileReference",
          value: {
            fileName: part.file_name,
            startLine: part.start_line,
            endLine: part.end_line,
            content: part.content,
          },
        },
      });
    case "source":
      return create(PartSchema, {
        kind: {
          case: "source",
          value: { url: part.url, sourceId: part.source_id ?? "", title: part.title ?? "" },
        },
      });
    default:
      return part satisfies never;
  }
}

/** Nothing where the bytes are gone and no id was kept. Inline bytes are not shown where there is an id (PART-4). */
function fileContent({ file_id: fileId, data }: FilePart): ProtoFilePart["content"] {
  if (fileId !== undefined) return { case: "fileId", value: fileId };
  if (data === undefined) return { case: undefined };
  return { case: "data", value: new Uint8Array(Buffer.from(data, "base64")) };
}

function instant<Key extends string>(key: Key, iso: string | undefined): Partial<Record<Key, Timestamp>> {
  return iso === undefined ? {} : ({ [key]: timestampFromIso(iso) } as Record<Key, Timestamp>);
}

/** A `Date` has milliseconds; older systems stored nanoseconds. */
function timestampFromIso(iso: string): Timestamp {
  const timestamp = timestampFromDate(new Date(iso));
  const fraction = /[.](\d{1,9})/.exec(iso)?.[1] ?? "";
  timestamp.nanos = Number(fraction.padEnd(9, "0"));
  return timestamp;
}

function usageToProto(usage: Usage): MessageInitShape<typeof UsageSchema> {
  const count = (tokens: number | undefined): bigint | undefined =>
    tokens === undefined ? undefined : BigInt(tokens);
  const counts = {
    inputTokens: count(usage.input_tokens),
    outputTokens: count(usage.output_tokens),
    totalTokens: count(usage.total_tokens),
    reasoningTokens: count(usage.reasoning_tokens),
    cacheReadTokens: count(usage.cache_read_tokens),
    cacheWriteTokens: count(usage.cache_write_tokens),
  };
  const known = Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== undefined));
  return { ...known, runtimeMs: BigInt(Math.round(usage.runtime_ms)) };
}
