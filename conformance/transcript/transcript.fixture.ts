import { create, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import type { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { SubscribeResponseSchema } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { type StreamEventSchema } from "../../src/gen/palaver/chat/v1/event_pb.js";
import { type MessageSchema, type PartSchema, Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import type { Encoding, Frame } from "../surroundings/clients/call.js";
import type { Transcript } from "./transcript.js";

/** An event, as one writes it down. */
export type Event = NonNullable<MessageInitShape<typeof StreamEventSchema>["event"]>;
type Part = MessageInitShape<typeof PartSchema>;

export const chatId = "0b1c8cb2-6a52-4a3e-9c6e-6f1f2a3b4c5d";

export const status = (value: ChatStatus): Event => ({ case: "status", value: { status: value } });
export const caughtUp: Event = { case: "caughtUp", value: {} };
export const previewReset: Event = { case: "previewReset", value: {} };
export const historyReset: Event = { case: "historyReset", value: {} };
export const keepalive: Event = { case: "keepalive", value: {} };

export const textPart = (text: string): Part => ({ kind: { case: "text", value: { text } } });

export function message(
  id: number,
  revision: number,
  role: Role,
  text: string | readonly Part[],
  more: MessageInitShape<typeof MessageSchema> = {},
): Event {
  const parts = typeof text === "string" ? [textPart(text)] : [...text];
  const value = { message: { id: BigInt(id), revision: BigInt(revision), role, parts, ...more } };
  return { case: "message", value };
}

/** `seqs`: the number of the delta, or the first and the last of several. */
export function delta(
  [historyVersion, generationAttempt]: readonly [number, number],
  seqs: number | readonly [number, number],
  text: string | Part,
  { block = 1, role = Role.ASSISTANT }: { block?: number; role?: Role } = {},
): Event {
  const [firstSeq, seq] = typeof seqs === "number" ? [seqs, seqs] : seqs;
  return {
    case: "messagePart",
    value: {
      episode: { historyVersion: BigInt(historyVersion), generationAttempt },
      firstSeq: BigInt(firstSeq),
      seq: BigInt(seq),
      role,
      block,
      part: typeof text === "string" ? textPart(text) : text,
    },
  };
}

/** A transcript of these events: each in a response of its own, unless they are grouped. */
export function transcribed(
  events: readonly (Event | readonly Event[])[],
  { encoding = "binary", cursor = "", firstResponse = 0, ...more }: TranscribeOptions = {},
): Transcript {
  const frames = events.map((group, index): Frame => {
    const response = create(SubscribeResponseSchema, {
      events: (isGroup(group) ? group : [group]).map((event) => ({ event })),
      cursor: `after ${firstResponse + index}`,
    });
    const bytes =
      encoding === "binary"
        ? toBinary(SubscribeResponseSchema, response)
        : Buffer.from(toJsonString(SubscribeResponseSchema, response));
    return { kind: "message", atMs: index, encoding, bytes };
  });
  return {
    chatId,
    cursor,
    afterMessageId: 0n,
    subscriptions: 1,
    frames: [{ kind: "headers", atMs: 0, headers: {} }, ...frames],
    ...more,
  };
}

export interface TranscribeOptions extends Partial<Transcript> {
  readonly encoding?: Encoding;
  /** From where cursors are counted. */
  readonly firstResponse?: number;
}

function isGroup(group: Event | readonly Event[]): group is readonly Event[] {
  return Array.isArray(group);
}
