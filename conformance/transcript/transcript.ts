import { fromBinary, fromJsonString } from "@bufbuild/protobuf";
import {
  type SubscribeRequest,
  type SubscribeResponse,
  SubscribeResponseSchema,
} from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { StreamEvent } from "../../src/gen/palaver/chat/v1/event_pb.js";
import type { Call, Frame } from "../surroundings/clients/call.js";

/** What one subscriber of one chat was sent, from the wire's first frame to its last. */
export interface Transcript {
  readonly chatId: string;
  /** Where the subscription began; empty for the beginning. */
  readonly cursor: string;
  readonly afterMessageId: bigint;
  /** How many subscriptions it is made of: more than one where a subscriber came back with its cursor ({@link continued}). */
  readonly subscriptions: number;
  readonly frames: readonly Frame[];
}

/** What was asked for, and what has come so far. */
export function transcriptOf(
  request: Pick<SubscribeRequest, "chatId"> & Partial<SubscribeRequest>,
  { frames }: Pick<Call<SubscribeResponse>, "frames">,
): Transcript {
  const { chatId, cursor = "", afterMessageId = 0n } = request;
  return { chatId, cursor, afterMessageId, subscriptions: 1, frames: [...frames] };
}

/**
 * A subscriber that came back as if it had never left: what it got up to the response (counted from 0) whose cursor it came back with, and
 * what it got then.
 */
export function continued(before: Transcript, response: number, after: Transcript): Transcript {
  const { messages } = readTranscript(before);
  const last = messages[response];
  if (last === undefined) throw new RangeError(`there is no response ${response}`);
  if (last.response?.cursor !== after.cursor)
    throw new Error(`the second subscription did not begin with the cursor of response ${response}`);
  return {
    ...before,
    subscriptions: before.subscriptions + after.subscriptions,
    frames: [...before.frames.slice(0, last.frame + 1), ...after.frames],
  };
}

/** A transcript, decoded. */
export interface ReadTranscript {
  readonly transcript: Transcript;
  readonly messages: readonly ReadMessage[];
  /** All events of all responses, in order. */
  readonly events: readonly ReadEvent[];
}

export interface ReadMessage {
  /** Which of the transcript's frames it is. */
  readonly frame: number;
  /** Undefined if it cannot be decoded. */
  readonly response: SubscribeResponse | undefined;
  readonly problem: string | undefined;
}

export interface ReadEvent {
  readonly frame: number;
  readonly atMs: number;
  readonly event: StreamEvent["event"];
}

export function readTranscript(transcript: Transcript): ReadTranscript {
  const messages: ReadMessage[] = [];
  const events: ReadEvent[] = [];
  for (const [frame, content] of transcript.frames.entries()) {
    if (content.kind !== "message") continue;
    try {
      const response = decode(content);
      messages.push({ frame, response, problem: undefined });
      for (const { event } of response.events) events.push({ frame, atMs: content.atMs, event });
    } catch (error) {
      messages.push({ frame, response: undefined, problem: String(error) });
    }
  }
  return { transcript, messages, events };
}

function decode({ encoding, bytes }: Extract<Frame, { kind: "message" }>): SubscribeResponse {
  if (encoding === "binary") return fromBinary(SubscribeResponseSchema, bytes);
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  return fromJsonString(SubscribeResponseSchema, text, { ignoreUnknownFields: true });
}
