import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import { type StreamEvent, StreamEventSchema } from "../gen/palaver/chat/v1/event_pb.js";
import { type PartSchema, Role } from "../gen/palaver/chat/v1/message_pb.js";

/** Short ways to write stream events in tests. */
export type PartInit = MessageInitShape<typeof PartSchema>;

export const textPart = (text: string): PartInit => ({ kind: { case: "text", value: { text } } });

export const reasoningPart = (text: string): PartInit => ({ kind: { case: "reasoning", value: { text } } });

export const callPart = (toolCallId: string, toolName: string, argsJson?: string): PartInit => ({
  kind: {
    case: "toolCall",
    value: { toolCallId, toolName, ...(argsJson === undefined ? {} : { argsJson }) },
  },
});

export const resultPart = (
  toolCallId: string,
  toolName: string,
  resultJson: string,
  isError = false,
): PartInit => ({
  kind: { case: "toolResult", value: { toolCallId, toolName, resultJson, isError } },
});

export function status(value: keyof typeof ChatStatus): StreamEvent {
  return create(StreamEventSchema, { event: { case: "status", value: { status: ChatStatus[value] } } });
}

export function delta(part: PartInit, block = 1, role = Role.ASSISTANT): StreamEvent {
  return create(StreamEventSchema, { event: { case: "messagePart", value: { part, block, role } } });
}

export function message(id: number, role: Role, parts: PartInit[], interrupted = false): StreamEvent {
  return create(StreamEventSchema, {
    event: { case: "message", value: { message: { id: BigInt(id), role, parts, interrupted } } },
  });
}

export function queue(...texts: string[]): StreamEvent {
  const waiting = texts.map((text, index) => ({ id: BigInt(index + 1), parts: [textPart(text)] }));
  return create(StreamEventSchema, { event: { case: "queueUpdate", value: { queue: waiting } } });
}

export function signal(name: "previewReset" | "historyReset" | "caughtUp" | "keepalive"): StreamEvent {
  return create(StreamEventSchema, { event: { case: name, value: {} } });
}
