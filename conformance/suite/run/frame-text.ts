import { fromBinary, fromJsonString, toJsonString, type DescMethod } from "@bufbuild/protobuf";
import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { SubscribeResponseSchema } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { StreamEvent } from "../../../src/gen/palaver/chat/v1/event_pb.js";
import { type Message, type Part, Role } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import type { Frame } from "../../surroundings/clients/call.js";

const maxText = 60;
const maxAnswer = 200;

/** What a frame of a call of that method says, in a line; undefined for what nobody needs to see. */
export function frameText(method: DescMethod, frame: Frame): string | undefined {
  switch (frame.kind) {
    case "headers":
      return method.methodKind === "unary" ? undefined : "headers";
    case "trailers":
      return undefined;
    case "message":
      return messageText(method, frame);
    case "end":
      return endText(method, frame);
    default:
      return frame satisfies never;
  }
}

function messageText(method: DescMethod, frame: Extract<Frame, { kind: "message" }>): string {
  try {
    if (method.output.typeName === SubscribeResponseSchema.typeName)
      return decode(SubscribeResponseSchema, frame).events.map(eventText).join("; ");
    return shortened(toJsonString(method.output, decode(method.output, frame)), maxAnswer);
  } catch {
    return `${frame.bytes.length} bytes that cannot be decoded`;
  }
}

function decode<D extends DescMethod["output"]>(
  schema: D,
  { encoding, bytes }: Extract<Frame, { kind: "message" }>,
) {
  return encoding === "binary"
    ? fromBinary(schema, bytes)
    : fromJsonString(schema, new TextDecoder().decode(bytes), { ignoreUnknownFields: true });
}

function endText(method: DescMethod, { end }: Extract<Frame, { kind: "end" }>): string | undefined {
  switch (end.how) {
    case "completed":
      return method.methodKind === "unary" ? undefined : "end";
    case "left":
      return "left";
    case "failed": {
      const { code, reason, message, origin } = end.failure;
      return `${code}${reason === undefined ? "" : ` ${reason}`}: ${shortened(message, maxAnswer)}${origin === "client" ? " (noticed here)" : ""}`;
    }
    default:
      return end satisfies never;
  }
}

function eventText({ event }: StreamEvent): string {
  switch (event.case) {
    case "status":
      return `status ${ChatStatus[event.value.status]}`;
    case "message":
      return `message ${describeMessage(event.value.message)}`;
    case "messagePart": {
      const { episode, firstSeq, seq, part } = event.value;
      const range = firstSeq === seq ? `${seq}` : `${firstSeq}–${seq}`;
      return `delta ${episode?.historyVersion ?? 0n}.${episode?.generationAttempt ?? 0}:${range} ${partText(part)}`;
    }
    case "queueUpdate":
      return `queue of ${event.value.queue.length}`;
    case "error":
      return `error ${event.value.error?.kind ?? ""} ${shortened(event.value.error?.message ?? "", maxText)}`;
    case "retry":
      return `retry of attempt ${event.value.retry?.attempt ?? ""}`;
    case undefined:
      return "an event that is not known here";
    default:
      return event.case;
  }
}

function describeMessage(message: Message | undefined): string {
  if (message === undefined) return "without content";
  const { id, role, parts, interrupted } = message;
  return `${id} ${Role[role]}${interrupted ? " interrupted" : ""} ${parts.map(partText).join(" ")}`;
}

function partText(part: Part | undefined): string {
  const kind = part?.kind;
  switch (kind?.case) {
    case "text":
      return quoted(kind.value.text);
    case "reasoning":
      return `reasoning ${quoted(kind.value.text)}`;
    case "toolCall":
      return `call ${kind.value.toolName} ${quoted(kind.value.argsJson ?? "")}`;
    case "toolResult":
      return `result ${quoted(kind.value.resultJson ?? "")}`;
    default:
      return kind?.case ?? "nothing";
  }
}

function quoted(text: string): string {
  return `"${shortened(text, maxText)}"`;
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
