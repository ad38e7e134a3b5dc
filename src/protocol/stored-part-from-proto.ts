import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Part } from "../gen/palaver/chat/v1/message_pb.js";
import type { StoredPart } from "./stored-part.js";

/**
 * A part of a committed message in its stored form, for whoever keeps what a server gave out: `partToProto` gives the same part again.
 * Undefined for a part of a kind that we do not know.
 */
export function storedPartFromProto({ kind }: Part): StoredPart | undefined {
  switch (kind.case) {
    case "text":
      return { type: "text", text: kind.value.text };
    case "reasoning": {
      const { text, startedAt, completedAt } = kind.value;
      return {
        type: "reasoning",
        text,
        ...instant("started_at", startedAt),
        ...instant("completed_at", completedAt),
      };
    }
    case "toolCall": {
      const { toolCallId, toolName, argsJson, providerExecuted, createdAt } = kind.value;
      return {
        type: "tool-call",
        tool_call_id: toolCallId,
        tool_name: toolName,
        ...(argsJson === undefined ? {} : { args_json: argsJson }),
        ...flag("provider_executed", providerExecuted),
        ...instant("created_at", createdAt),
      };
    }
    case "toolResult": {
      const { toolCallId, toolName, resultJson, isError, isMedia, providerExecuted, createdAt } = kind.value;
      return {
        type: "tool-result",
        tool_call_id: toolCallId,
        tool_name: toolName,
        result_json: resultJson ?? "null",
        ...flag("is_error", isError),
        ...flag("is_media", isMedia),
        ...flag("provider_executed", providerExecuted),
        ...instant("created_at", createdAt),
      };
    }
    case "file": {
      const { content, mediaType, name } = kind.value;
      return {
        type: "file",
        ...(content.case === "fileId" ? { file_id: content.value } : {}),
        ...(content.case === "data" ? { data: Buffer.from(content.value).toString("base64") } : {}),
        media_type: mediaType,
        ...text("name", name),
      };
    }
    case "fileReference": {
      const { fileName, startLine, endLine, content } = kind.value;
      return {
        type: "file-reference",
        file_name: fileName,
        start_line: startLine,
        end_line: endLine,
        content,
      };
    }
    case "source": {
      const { url, sourceId, title } = kind.value;
      return { type: "source", url, ...text("source_id", sourceId), ...text("title", title) };
    }
    case undefined:
      return undefined;
    default:
      return kind satisfies never;
  }
}

// Absent fields stay absent: that is how they were written.

function flag<Key extends string>(key: Key, value: boolean): Partial<Record<Key, true>> {
  return value ? ({ [key]: true } as Record<Key, true>) : {};
}

function text<Key extends string>(key: Key, value: string): Partial<Record<Key, string>> {
  return value === "" ? {} : ({ [key]: value } as Record<Key, string>);
}

function instant<Key extends string>(key: Key, time: Timestamp | undefined): Partial<Record<Key, string>> {
  return time === undefined ? {} : ({ [key]: isoOf(time) } as Record<Key, string>);
}

/** With all digits: a `Date` has milliseconds, and rounds. */
function isoOf({ seconds, nanos }: Timestamp): string {
  const second = new Date(Number(seconds) * 1_000).toISOString().slice(0, 19);
  const fraction = String(nanos).padStart(9, "0").replace(/0{6}$/, "");
  return `${second}.${fraction}Z`;
}
