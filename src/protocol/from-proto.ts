import type { Part } from "../gen/palaver/chat/v1/message_pb.js";
import { invalidArgument } from "./palaver-error.js";
import type { StoredPart } from "./stored-part.js";

/**
 * What a user says, from the wire: text and file references, at least one of them not blank.
 *
 * @throws PalaverError EMPTY_CONTENT, UNSUPPORTED_PART or INVALID_PART, naming the field
 */
export function userPartsFromProto(parts: readonly Part[]): StoredPart[] {
  const stored = parts.map((part, index) => userPartFromProto(part, `parts[${index}]`));
  const blank = stored.every((part) => part.type === "text" && part.text.trim() === "");
  if (blank)
    throw invalidArgument("EMPTY_CONTENT", "parts", "say something: at least one part that is not blank");
  return stored;
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
