import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { Part } from "../gen/palaver/chat/v1/message_pb.js";

/** What is not worth counting: numbers, ids, stamps. */
const overhead = 64;

/**
 * Roughly how large an event is on the wire, in bytes or UTF-16 units of its contents: the true size is at most three times as much.
 * For keeping responses below the size that stock clients accept (4 MiB).
 */
export function approximateSize({ event }: StreamEvent): number {
  switch (event.case) {
    case "messagePart":
      return overhead + (event.value.part === undefined ? 0 : sizeOfPart(event.value.part));
    case "message":
      return overhead + sizeOfParts(event.value.message?.parts ?? []);
    case "queueUpdate":
      return event.value.queue.reduce((size, { parts }) => size + overhead + sizeOfParts(parts), overhead);
    case "actionRequired":
      return (event.value.actionRequired?.calls ?? []).reduce(
        (size, { argsJson }) => size + overhead + (argsJson?.length ?? 0),
        overhead,
      );
    default:
      return overhead;
  }
}

function sizeOfParts(parts: readonly Part[]): number {
  return parts.reduce((size, part) => size + sizeOfPart(part), 0);
}

/** See {@link approximateSize}. */
export function sizeOfPart({ kind }: Part): number {
  switch (kind.case) {
    case "text":
    case "reasoning":
      return overhead + kind.value.text.length;
    case "toolCall":
      return overhead + (kind.value.argsJson?.length ?? 0) + kind.value.argsDelta.length;
    case "toolResult":
      return overhead + (kind.value.resultJson?.length ?? 0) + kind.value.resultDelta.length;
    case "file":
      return overhead + (kind.value.content.case === "data" ? kind.value.content.value.length : 0);
    case "fileReference":
      return overhead + kind.value.content.length;
    case "source":
      return overhead + kind.value.url.length + kind.value.title.length;
    default:
      return overhead;
  }
}
