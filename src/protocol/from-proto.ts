import type { FilePart, Part } from "../gen/palaver/chat/v1/message_pb.js";
import { invalidArgument } from "./palaver-error.js";
import type { StoredPart } from "./stored-part.js";
import { isUuid } from "./uuid.js";

/** What one message may hold, so that whatever was said can be shown again beside everything else. */
const maxContentBytes = 1024 * 1024;

/**
 * What a user says, from the wire: text, files by id, and file references; at least one of them not blank, all together at most 1 MiB.
 * What a file is, the caller does not get to say: its part has the id alone until whoever stores the message has looked it up.
 *
 * @throws PalaverError EMPTY_CONTENT, CONTENT_TOO_LARGE, UNSUPPORTED_PART or INVALID_PART, naming the field
 */
export function userPartsFromProto(parts: readonly Part[]): StoredPart[] {
  const stored = parts.map((part, index) => userPartFromProto(part, `parts[${index}]`));
  const blank = stored.every((part) => part.type === "text" && part.text.trim() === "");
  if (blank)
    throw invalidArgument("EMPTY_CONTENT", "parts", "say something: at least one part that is not blank");
  const bytes = stored.reduce((sum, part) => sum + contentBytes(part), 0);
  if (bytes > maxContentBytes) {
    throw invalidArgument(
      "CONTENT_TOO_LARGE",
      "parts",
      `all parts together may have ${maxContentBytes} bytes of UTF-8, these have ${bytes}`,
    );
  }
  return stored;
}

function contentBytes(part: StoredPart): number {
  if (part.type === "text") return Buffer.byteLength(part.text);
  if (part.type !== "file-reference") return 0;
  return Buffer.byteLength(part.file_name) + Buffer.byteLength(part.content);
}

function userPartFromProto(part: Part, field: string): StoredPart {
  switch (part.kind.case) {
    case "text":
      return { type: "text", text: part.kind.value.text };
    case "fileReference": {
      const { fileName, startLine, endLine, content } = part.kind.value;
      if (endLine < startLine) {
        throw invalidArgument(
          "INVALID_PART",
          `${field}.file_reference.end_line`,
          "must not be less than start_line",
        );
      }
      return {
        type: "file-reference",
        file_name: fileName,
        start_line: startLine,
        end_line: endLine,
        content,
      };
    }
    case "file":
      return { type: "file", file_id: fileIdFromProto(part.kind.value, `${field}.file`), media_type: "" };
    case undefined:
      throw invalidArgument("INVALID_PART", field, "exactly one kind of part must be set");
    default:
      throw invalidArgument(
        "UNSUPPORTED_PART",
        field,
        `a user message cannot hold a part of kind ${part.kind.case}`,
      );
  }
}

function fileIdFromProto({ content }: FilePart, field: string): string {
  if (content.case === "data") {
    throw invalidArgument(
      "UNSUPPORTED_PART",
      `${field}.data`,
      "a message names files by id: upload the file with FileService, then set file_id",
    );
  }
  const id = content.value?.toLowerCase() ?? "";
  if (!isUuid(id))
    throw invalidArgument("INVALID_PART", `${field}.file_id`, "must be the id of an uploaded file, a UUID");
  return id;
}
