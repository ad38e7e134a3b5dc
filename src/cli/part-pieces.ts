import type { Message, Part } from "../gen/palaver/chat/v1/message_pb.js";
import { Role } from "../gen/palaver/chat/v1/message_pb.js";
import { line, type Piece } from "./piece.js";
import { cutToWidth, safeLine, safeText } from "./terminal-text.js";

/** How much of a tool's arguments or result is shown. */
const maxToolWidth = 72;

/** A committed message, whole. */
export function messagePieces(message: Message): Piece[] {
  const key = `message ${message.id}`;
  const pieces = message.parts.flatMap((part, index) =>
    partPieces(part, message.role, `${key} part ${index}`),
  );
  if (message.contentError !== "")
    pieces.push(line("warning", `[this message cannot be read: ${safeLine(message.contentError)}]`));
  if (message.interrupted) pieces.push(interruptedMark);
  return pieces;
}

export const interruptedMark = line("warning", "[interrupted]");

/** One complete part. `key` is that of its flow. */
export function partPieces(part: Part, role: Role, key: string): Piece[] {
  const { kind } = part;
  switch (kind.case) {
    case "text":
      if (role === Role.USER || role === Role.SYSTEM) {
        const mark = role === Role.USER ? "›" : "system:";
        return [line("user", `${mark} ${safeText(kind.value.text).trimEnd()}`)];
      }
      return [{ type: "flow", tone: "answer", key, text: safeText(kind.value.text) }];
    case "reasoning":
      return kind.value.text === ""
        ? []
        : [{ type: "flow", tone: "reasoning", key, text: safeText(kind.value.text) }];
    case "toolCall": {
      const { toolName, argsJson } = kind.value;
      return [
        line(
          "tool",
          `→ ${safeLine(toolName)} ${argsJson === undefined ? "(invalid arguments)" : brief(argsJson)}`,
        ),
      ];
    }
    case "toolResult": {
      const { toolName, resultJson, isError, isMedia } = kind.value;
      const result = isMedia ? "(media)" : brief(resultJson ?? "");
      return [
        isError
          ? line("error", `✗ ${safeLine(toolName)} ${result}`)
          : line("tool", `← ${safeLine(toolName)} ${result}`),
      ];
    }
    case "file": {
      const { name, mediaType } = kind.value;
      return [
        line(
          "note",
          `[file ${[name, mediaType]
            .filter((text) => text !== "")
            .map(safeLine)
            .join(", ")}]`,
        ),
      ];
    }
    case "fileReference": {
      const { fileName, startLine, endLine } = kind.value;
      return [line("note", `[${safeLine(fileName)}:${startLine}-${endLine}]`)];
    }
    case "source": {
      const { title, url } = kind.value;
      return [
        line(
          "note",
          `[source ${[title, url]
            .filter((text) => text !== "")
            .map(safeLine)
            .join(" ")}]`,
        ),
      ];
    }
    case undefined:
      return []; // A variant that is newer than this program (PART-1).
    default:
      return kind satisfies never;
  }
}

function brief(json: string): string {
  return cutToWidth(safeLine(json), maxToolWidth);
}
